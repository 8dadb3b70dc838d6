// Passwords of htpasswd files: bcrypt, Apache's MD5, SHA-1, and plain text.
import { createHash } from 'node:crypto'
import { sameText } from '#lib/same_text'

/** Users by name with their hashed passwords; of a name that comes twice the last counts, as Apache reads it. */
export function parseHtpasswd(text: string): ReadonlyMap<string, string> {
  const users = new Map<string, string>()
  text.split('\n').forEach((line, i) => {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) return
    const cut = trimmed.indexOf(':')
    if (cut <= 0) throw new Error(`Cannot read line ${i + 1} of the htpasswd text: it is not of the form user:password`)
    users.set(trimmed.slice(0, cut), trimmed.slice(cut + 1))
  })
  return users
}

export async function passwordMatches(password: string, hash: string): Promise<boolean> {
  if (/^\$2[abxy]?\$/.test(hash)) {
    // bcrypt takes 50 ms and more by design: in pieces, so that nobody else waits.
    const { default: bcrypt } = await import('bcryptjs')
    return bcrypt.compare(password, hash)
  }
  if (hash.startsWith('{SHA}')) return sameText(createHash('sha1').update(password).digest('base64'), hash.slice(5))
  if (hash.startsWith('$apr1$')) {
    const salt = hash.split('$')[2] ?? ''
    return sameText(apacheMd5(password, salt), hash)
  }
  return sameText(password, hash)
}

const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** In which order the 16 bytes of the digest are written (Apache's apr_md5.c). */
const order = [0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 4, 10, 5]

/** Apache's variant of MD5-crypt: 1000 rounds over password and salt. */
export function apacheMd5(password: string, salt: string): string {
  const md5 = (...parts: (string | Uint8Array)[]): Buffer => {
    const hash = createHash('md5')
    for (const part of parts) hash.update(part)
    return hash.digest()
  }
  const word = Buffer.from(password)
  const alternate = md5(word, salt, word)
  const begin: (string | Uint8Array)[] = [word, '$apr1$', salt]
  for (let left = word.length; left > 0; left -= 16) begin.push(alternate.subarray(0, Math.min(16, left)))
  for (let bits = word.length; bits > 0; bits >>= 1) begin.push(bits & 1 ? Buffer.of(0) : word.subarray(0, 1))
  let digest = md5(...begin)
  for (let round = 0; round < 1000; round++) {
    const parts: (string | Uint8Array)[] = [round & 1 ? word : digest]
    if (round % 3 !== 0) parts.push(salt)
    if (round % 7 !== 0) parts.push(word)
    parts.push(round & 1 ? digest : word)
    digest = md5(...parts)
  }
  let text = ''
  const write = (value: number, characters: number): void => {
    for (let i = 0; i < characters; i++, value >>= 6) text += alphabet[value & 63]
  }
  for (let i = 0; i < order.length; i += 3) {
    const [a, b, c] = order.slice(i, i + 3).map((at) => digest[at] as number) as [number, number, number]
    write((a << 16) | (b << 8) | c, 4)
  }
  write(digest[11] as number, 2)
  return `$apr1$${salt}$${text}`
}
