import assert from 'node:assert/strict'
import { test } from 'node:test'
import { camelCase, lowerCase, snakeCase, upperCase } from './letter_case.ts'

test('names change their case word by word', () => {
  const cases = [
    { text: 'simpleName', snake: 'simple_name', camel: 'SimpleName' },
    { text: 'CPUUsage2xx', snake: 'cpu_usage_2_xx', camel: 'Cpuusage2Xx' },
    { text: ' a-b.c d ', snake: 'a_b_c_d', camel: 'ABCD' },
    { text: 'ID', snake: 'id', camel: 'Id' },
    { text: 'HTTPCode', snake: 'http_code', camel: 'Httpcode' },
    { text: '', snake: '', camel: '' },
  ]
  for (const { text, snake, camel } of cases) {
    assert.equal(snakeCase(text), snake)
    assert.equal(camelCase(text), camel)
  }
})

test('letters change their case one by one', () => {
  assert.equal(upperCase('straße ŉ ᾳ é'), 'STRAßE ŉ ᾼ É')
  assert.equal(lowerCase('İΑΣ É'), 'iασ é')
})
