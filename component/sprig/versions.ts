// Semantic versions (semver.org) and the constraints that Sprig's semverCompare takes.
import { fault, TemplateObject, type TemplateValue, textOf } from '#component/go_template'

const shape =
  /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/

export class Version extends TemplateObject {
  readonly type = '*semver.Version'
  readonly numbers: readonly [bigint, bigint, bigint]
  readonly prerelease: string
  readonly metadata: string
  readonly original: string

  constructor(numbers: readonly [bigint, bigint, bigint], prerelease: string, metadata: string, original: string) {
    super()
    this.numbers = numbers
    this.prerelease = prerelease
    this.metadata = metadata
    this.original = original
  }

  static parse(text: string): Version {
    const found = shape.exec(text)
    if (found === null) return fault('invalid semantic version')
    const [, major = '0', minor = '0', patch = '0', prerelease = '', metadata = ''] = found
    return new Version([BigInt(major), BigInt(minor), BigInt(patch)], prerelease, metadata, text)
  }

  toString(): string {
    const end = this.metadata === '' ? '' : `+${this.metadata}`
    return `${this.numbers.join('.')}${this.prerelease === '' ? '' : `-${this.prerelease}`}${end}`
  }

  member(name: string, given: readonly TemplateValue[]): TemplateValue | undefined {
    const [major, minor, patch] = this.numbers
    switch (name) {
      case 'Major':
        return major
      case 'Minor':
        return minor
      case 'Patch':
        return patch
      case 'Prerelease':
        return this.prerelease
      case 'Metadata':
        return this.metadata
      case 'Original':
        return this.original
      case 'String':
        return this.toString()
      case 'Compare':
        return BigInt(compareVersions(this, otherOf(given)))
      case 'Equal':
        return compareVersions(this, otherOf(given)) === 0
      case 'LessThan':
        return compareVersions(this, otherOf(given)) < 0
      case 'GreaterThan':
        return compareVersions(this, otherOf(given)) > 0
      default:
        return undefined
    }
  }
}

function otherOf([other]: readonly TemplateValue[]): Version {
  return other instanceof Version ? other : Version.parse(textOf(other))
}

/** Below 0, 0 or above 0. A version with a prerelease comes before the one without. */
export function compareVersions(a: Version, b: Version): number {
  for (const [i, number] of a.numbers.entries()) {
    const other = b.numbers[i] as bigint
    if (number !== other) return number < other ? -1 : 1
  }
  if (a.prerelease === '' || b.prerelease === '')
    return a.prerelease === b.prerelease ? 0 : a.prerelease === '' ? 1 : -1
  const [left, right] = [a.prerelease.split('.'), b.prerelease.split('.')]
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const order = compareIdentifiers(left[i], right[i])
    if (order !== 0) return order
  }
  return 0
}

function compareIdentifiers(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1
  const [isNumber, isOtherNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)]
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1
  if (isNumber) return BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0
  return a < b ? -1 : 1
}

const partShape = '(?:\\d+|[xX*])'
const constraintShape = new RegExp(
  `^(=|==|!=|>|<|>=|=>|<=|=<|~|~>|\\^)?\\s*v?(${partShape})(?:\\.(${partShape}))?(?:\\.(${partShape}))?(?:-([0-9A-Za-z.-]+))?(?:\\+[0-9A-Za-z.-]+)?$`,
)

/** `>=1.2 <2 || ^3`: alternatives of conditions that all hold. */
export function matchesConstraint(constraint: string, version: Version): boolean {
  const alternatives = constraint.split('||').map((text) =>
    text
      .replace(/(\S+)\s+-\s+(\S+)/g, '>=$1 <=$2')
      .replace(/([=!<>~^])\s+/g, '$1')
      .split(/[,\s]+/)
      .filter((one) => one !== ''),
  )
  return alternatives.some((conditions) => conditions.every((one) => matchesOne(one, version)))
}

function matchesOne(text: string, version: Version): boolean {
  const found = constraintShape.exec(text)
  if (found === null) return fault(`improper constraint: ${text}`)
  const [, operator = '', ...rest] = found
  const parts = rest.slice(0, 3)
  const prerelease = rest[3] ?? ''
  const open = parts.findIndex((part) => part === undefined || /[xX*]/.test(part))
  const [major = 0n, minor = 0n, patch = 0n] = parts.map((part) => (part && /^\d/.test(part) ? BigInt(part) : 0n))
  const low = new Version([major, minor, patch], prerelease, '', text)
  // A version before its release is only meant where the constraint names one.
  if (version.prerelease !== '' && prerelease === '' && operator !== '!=') return false
  const below = (numbers: readonly [bigint, bigint, bigint]): boolean =>
    compareVersions(version, new Version(numbers, '', '', '')) < 0
  const next: readonly [bigint, bigint, bigint] =
    open === 0 ? [2n ** 62n, 0n, 0n] : open === 1 ? [major + 1n, 0n, 0n] : [major, minor + 1n, 0n]
  const order = compareVersions(version, low)
  switch (operator) {
    case '':
    case '=':
    case '==':
      return open < 0 ? order === 0 : order >= 0 && below(next)
    case '!=':
      return open < 0 ? order !== 0 : !(order >= 0 && below(next))
    case '>':
      return open < 0 ? order > 0 : order >= 0 && !below(next)
    case '<':
      return order < 0
    case '>=':
    case '=>':
      return order >= 0
    case '<=':
    case '=<':
      return open < 0 ? order <= 0 : below(next)
    case '^':
      return order >= 0 && (open === 0 || below(caretEnd([major, minor, patch], open)))
    default:
      return order >= 0 && below(next)
  }
}

/** Up to the next change of the leftmost number that is not 0. */
function caretEnd(
  [major, minor, patch]: readonly [bigint, bigint, bigint],
  open: number,
): readonly [bigint, bigint, bigint] {
  if (major > 0n || open === 1) return [major + 1n, 0n, 0n]
  return minor > 0n || open === 2 ? [0n, minor + 1n, 0n] : [0n, 0n, patch + 1n]
}
