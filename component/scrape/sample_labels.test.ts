import assert from 'node:assert/strict'
import { test } from 'node:test'
import { labelsText } from '#pdata'
import type { SampleLabelsOptions } from './sample_labels.ts'
import { sampleLabels } from './sample_labels.ts'

const plain: SampleLabelsOptions = {
  honorLabels: false,
  labelLimit: 0,
  labelNameLengthLimit: 0,
  labelValueLengthLimit: 0,
  nameScheme: 'legacy',
}
const honoring = { ...plain, honorLabels: true }
const target = ['instance', 'pi', 'job', 'j']

const cases: readonly { name: string; options: SampleLabelsOptions; exposed: string[]; want: string | RegExp }[] = [
  {
    name: 'the labels of the target are added',
    options: plain,
    exposed: ['x', '1'],
    want: '{__name__="m", instance="pi", job="j", x="1"}',
  },
  {
    name: 'labels that clash go on as exported_',
    options: plain,
    exposed: ['job', 'a'],
    want: '{__name__="m", exported_job="a", instance="pi", job="j"}',
  },
  {
    name: 'until the name is free',
    options: plain,
    exposed: ['job', 'a', 'exported_job', 'b'],
    want: '{__name__="m", exported_exported_job="a", exported_job="b", instance="pi", job="j"}',
  },
  {
    name: 'an empty one does not clash',
    options: plain,
    exposed: ['job', ''],
    want: '{__name__="m", instance="pi", job="j"}',
  },
  {
    name: 'honored labels stay',
    options: honoring,
    exposed: ['job', 'a'],
    want: '{__name__="m", instance="pi", job="a"}',
  },
  {
    name: 'an honored empty label takes the one of the target away',
    options: honoring,
    exposed: ['job', ''],
    want: '{__name__="m", instance="pi"}',
  },
  {
    name: 'upper case comes first',
    options: plain,
    exposed: ['Z', '1', 'A', '2'],
    want: '{A="2", Z="1", __name__="m", instance="pi", job="j"}',
  },
  {
    name: 'a label given twice is refused',
    options: plain,
    exposed: ['a', '1', 'a', '2'],
    want: /label name "a" is not unique/,
  },
  {
    name: 'a name that may not be is refused',
    options: plain,
    exposed: ['a.b', '1'],
    want: /invalid metric name or label names: \{__name__="m", a\.b="1"/,
  },
  {
    name: 'but is fine where any name is',
    options: { ...plain, nameScheme: 'utf8' },
    exposed: ['a.b', '1'],
    want: '{__name__="m", a.b="1", instance="pi", job="j"}',
  },
  {
    name: 'three labels are within a limit of three',
    options: { ...plain, labelLimit: 3 },
    exposed: [],
    want: '{__name__="m", instance="pi", job="j"}',
  },
  {
    name: 'four are not',
    options: { ...plain, labelLimit: 3 },
    exposed: ['x', '1'],
    want: /label_limit exceeded \(metric: m, number of labels: 4, limit: 3\)/,
  },
  {
    name: 'a long label name is refused',
    options: { ...plain, labelNameLengthLimit: 8 },
    exposed: ['abcdefghi', '1'],
    want: /label_name_length_limit exceeded \(metric: m, label name: abcdefghi, length: 9, limit: 8\)/,
  },
  {
    name: 'a long label value is refused, counted in bytes',
    options: { ...plain, labelValueLengthLimit: 3 },
    exposed: ['x', 'éé'],
    want: /label_value_length_limit exceeded \(metric: m, label name: x, value: "éé", length: 4, limit: 3\)/,
  },
]

for (const { name, options, exposed, want } of cases) {
  test(name, () => {
    const make = sampleLabels(target, options)
    const run = (): string => labelsText(make(['__name__', 'm', ...exposed]))
    if (typeof want === 'string') assert.equal(run(), want)
    else assert.throws(run, want)
  })
}
