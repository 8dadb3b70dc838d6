// Sprig's functions for sums, encodings, keys and random texts.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  generateKeyPairSync,
  randomBytes,
  randomUUID,
  scryptSync,
} from 'node:crypto'
import { fault, intOf, type TemplateFunctions, textOf } from '#component/go_template'
import { fixed } from './define.ts'

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const digits = '0123456789'
const printable = String.fromCharCode(...Array.from({ length: 95 }, (_, i) => i + 32))
/** Characters that random texts may have. */
const randomMax = 1 << 20

const sum = (algorithm: string) => fixed((s) => createHash(algorithm).update(textOf(s)).digest('hex'))

function adler32(text: string): string {
  let [a, b] = [1, 0]
  for (const byte of Buffer.from(text)) {
    a = (a + byte) % 65_521
    b = (b + a) % 65_521
  }
  return String(b * 65_536 + a)
}

const base32Digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

function base32(text: string): string {
  let bits = ''
  for (const byte of Buffer.from(text)) bits += byte.toString(2).padStart(8, '0')
  let out = ''
  for (let i = 0; i < bits.length; i += 5) out += base32Digits[Number.parseInt(bits.slice(i, i + 5).padEnd(5, '0'), 2)]
  return out.padEnd(Math.ceil(out.length / 8) * 8, '=')
}

/** What cannot be decoded gives Go's message in its place, as in Sprig. */
function fromBase32(text: string): string {
  const plain = text.replace(/[\r\n]/g, '')
  const wrong = /^[A-Z2-7]*=*$/.test(plain) && plain.length % 8 === 0 ? -1 : plain.search(/[^A-Z2-7]/)
  if (wrong >= 0 || plain.length % 8 !== 0) {
    return `illegal base32 data at input byte ${wrong < 0 ? Math.floor(plain.length / 8) * 8 : wrong}`
  }
  let bits = ''
  for (const digit of plain.replace(/=+$/, '')) bits += base32Digits.indexOf(digit).toString(2).padStart(5, '0')
  const bytes = bits.match(/.{8}/g) ?? []
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2))).toString('utf8')
}

function fromBase64(text: string): string {
  const plain = text.replace(/[\r\n]/g, '')
  if (/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(plain)) {
    return Buffer.from(plain, 'base64').toString('utf8')
  }
  const wrong = plain.search(/[^A-Za-z0-9+/]/)
  return `illegal base64 data at input byte ${wrong < 0 ? Math.floor(plain.length / 4) * 4 : wrong}`
}

/** AES-256-CBC with the first 32 bytes of the password as the key and the vector in front. */
function encrypted(password: string, text: string): string {
  const vector = randomBytes(16)
  const cipher = createCipheriv('aes-256-cbc', keyOf(password), vector)
  return Buffer.concat([vector, cipher.update(text), cipher.final()]).toString('base64')
}

function decrypted(password: string, text: string): string {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length < 32) return fault('cannot decrypt: the text is too short')
  try {
    const decipher = createDecipheriv('aes-256-cbc', keyOf(password), bytes.subarray(0, 16))
    return Buffer.concat([decipher.update(bytes.subarray(16)), decipher.final()]).toString('utf8')
  } catch {
    return fault('cannot decrypt')
  }
}

function keyOf(password: string): Buffer {
  const key = Buffer.alloc(32)
  Buffer.from(password).copy(key)
  return key
}

function privateKey(type: string): string {
  if (type === '' || type === 'rsa') {
    const { privateKey: key } = generateKeyPairSync('rsa', { modulusLength: 4096 })
    return key.export({ type: 'pkcs1', format: 'pem' }) as string
  }
  if (type === 'ecdsa') {
    const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    return key.export({ type: 'sec1', format: 'pem' }) as string
  }
  if (type !== 'ed25519') return `Unknown type ${type}`
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
}

/** Templates of the "Master Password" algorithm, version 3 (masterpassword.app): classes of characters, place by place. */
const passwordTemplates: Readonly<Record<string, readonly string[]>> = {
  maximum: ['anoxxxxxxxxxxxxxxxxx', 'axxxxxxxxxxxxxxxxxno'],
  long: (
    'CvcvnoCvcvCvcv CvcvCvcvnoCvcv CvcvCvcvCvcvno CvccnoCvcvCvcv CvccCvcvnoCvcv CvccCvcvCvcvno CvcvnoCvccCvcv ' +
    'CvcvCvccnoCvcv CvcvCvccCvcvno CvcvnoCvcvCvcc CvcvCvcvnoCvcc CvcvCvcvCvccno CvccnoCvccCvcv CvccCvccnoCvcv ' +
    'CvccCvccCvcvno CvcvnoCvccCvcc CvcvCvccnoCvcc CvcvCvccCvccno CvccnoCvcvCvcc CvccCvcvnoCvcc CvccCvcvCvccno'
  ).split(' '),
  medium: ['CvcnoCvc', 'CvcCvcno'],
  short: ['Cvcn'],
  basic: ['aaanaaan', 'aannaaan', 'aaannaaa'],
  pin: ['nnnn'],
}
const passwordCharacters: Readonly<Record<string, string>> = {
  V: 'AEIOU',
  C: 'BCDFGHJKLMNPQRSTVWXYZ',
  v: 'aeiou',
  c: 'bcdfghjklmnpqrstvwxyz',
  A: 'AEIOUBCDFGHJKLMNPQRSTVWXYZ',
  a: 'AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz',
  n: digits,
  o: "@&%?,=[]_:-+*$#!'^~;()/.",
  x: 'AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()',
}
const masterSeed = 'com.lyndir.masterpassword'

function derivedPassword(counter: number, type: string, password: string, user: string, site: string): string {
  const templates = Object.hasOwn(passwordTemplates, type) ? passwordTemplates[type] : undefined
  if (templates === undefined) return `cannot find password template ${type}`
  const seeded = (text: string, more: number[]): Buffer => {
    const numbers = Buffer.alloc(4 + 4 * more.length)
    numbers.writeUInt32BE(Buffer.byteLength(text), 0)
    more.forEach((number, i) => numbers.writeUInt32BE(number >>> 0, 4 + 4 * i))
    return Buffer.concat([Buffer.from(masterSeed), numbers.subarray(0, 4), Buffer.from(text), numbers.subarray(4)])
  }
  const key = scryptSync(password, seeded(user, []), 64, { N: 32_768, r: 8, p: 2, maxmem: 128 * 1024 * 1024 })
  const seed = createHmac('sha256', key)
    .update(seeded(site, [counter]))
    .digest()
  const template = templates[(seed[0] as number) % templates.length] as string
  return [...template]
    .map((kind, i) => {
      const characters = passwordCharacters[kind] as string
      return characters[(seed[i + 1] as number) % characters.length]
    })
    .join('')
}

export function cryptoFunctions({ random }: { random(): number }): TemplateFunctions {
  const randomText = (alphabet: string) =>
    fixed((count) => {
      const length = intOf(count)
      if (length < 0 || length > randomMax) return fault('cannot make a random text of that length')
      let out = ''
      for (let i = 0; i < length; i++) out += alphabet[Math.floor(random() * alphabet.length)]
      return out
    })
  return {
    adler32sum: fixed((s) => adler32(textOf(s))),
    b32dec: fixed((s) => fromBase32(textOf(s))),
    b32enc: fixed((s) => base32(textOf(s))),
    b64dec: fixed((s) => fromBase64(textOf(s))),
    b64enc: fixed((s) => Buffer.from(textOf(s)).toString('base64')),
    decryptAES: fixed((password, text) => decrypted(textOf(password), textOf(text))),
    derivePassword: fixed((counter, type, password, user, site) =>
      derivedPassword(intOf(counter), textOf(type), textOf(password), textOf(user), textOf(site)),
    ),
    encryptAES: fixed((password, text) => encrypted(textOf(password), textOf(text))),
    genPrivateKey: fixed((type) => privateKey(textOf(type))),
    randAlpha: randomText(letters),
    randAlphaNum: randomText(letters + digits),
    randAscii: randomText(printable),
    randBytes: fixed((count) => {
      const length = intOf(count)
      return length < 0 || length > randomMax
        ? fault('cannot make so many bytes')
        : randomBytes(length).toString('base64')
    }),
    randNumeric: randomText(digits),
    sha1sum: sum('sha1'),
    sha256sum: sum('sha256'),
    sha512sum: sum('sha512'),
    uuidv4: fixed(() => randomUUID()),
  }
}
