import assert from 'node:assert/strict'
import { test } from 'node:test'
import { murmur3, murmur3x128 } from './murmur3.ts'
import { xxh128, xxh3 } from './xxh3.ts'

/** The letters from the seventh on in steps of seven: of each length a text of its own. */
function text(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => String.fromCharCode(97 + ((i * 7 + length) % 26))).join(''))
}

// Each length takes another way through the hash. The digests are those of github.com/zeebo/xxh3 and
// github.com/twmb/murmur3.
const cases = [
  {
    length: 0,
    xxh: '2d06800538d394c2',
    xxhLong: '99aa06d3014798d86001c324468d497f',
    murmur: '00000000',
    murmurLong: '00000000000000000000000000000000',
  },
  {
    length: 1,
    xxh: '575a0b1c44d8843f',
    xxhLong: '4b2212e31ac97fd4575a0b1c44d8843f',
    murmur: '95de7e03',
    murmurLong: '7a98a957b1d3d1eefa2e131e544e94e9',
  },
  {
    length: 2,
    xxh: '21bcb4f71818b552',
    xxhLong: '10907cedda7d707221bcb4f71818b552',
    murmur: '48fc49ce',
    murmurLong: '44f129f75710fcdc0c25f6591995541c',
  },
  {
    length: 3,
    xxh: '3679b9ef946fc67d',
    xxhLong: '1c1928ee2815a4fd3679b9ef946fc67d',
    murmur: 'eec47e8c',
    murmurLong: 'ce7bb60cd434ce92568574d277ae9e72',
  },
  {
    length: 4,
    xxh: '0dbc9212d114d518',
    xxhLong: 'cde39d6dcb437a03330b0153812e2635',
    murmur: '87001788',
    murmurLong: 'e804f2e7504558181b420b0a82123d7e',
  },
  {
    length: 7,
    xxh: '228e6dbe97894b16',
    xxhLong: '51da57bd24c78021da955a5a3a136f66',
    murmur: 'da1c92d2',
    murmurLong: 'ecb02e734222dc689051db9baf42ca2b',
  },
  {
    length: 8,
    xxh: 'd7ea5d688cad9cc4',
    xxhLong: 'deb685f4554737989eccd0ca7334c00a',
    murmur: 'd74fdf2b',
    murmurLong: 'c95fee42323225e61cc17ada69bf51e1',
  },
  {
    length: 9,
    xxh: '4dc0aa7fa02a45f8',
    xxhLong: '36893234b1ac0622f8c85e966109b400',
    murmur: '3f07f444',
    murmurLong: '9efc76f6473b4eda49ebdb19dd24e667',
  },
  {
    length: 15,
    xxh: '09b47a2534577943',
    xxhLong: '3e3aeba55f0243c8bba66fc50b6b8ecc',
    murmur: '5f1394f5',
    murmurLong: 'dc24130f0d3971947fdebe68faf14e50',
  },
  {
    length: 16,
    xxh: 'c32e86b33d79f352',
    xxhLong: '55f06fbf95fffa4b631a8db8aed9a910',
    murmur: 'cff0193b',
    murmurLong: '5d9d9a2d7fe145e4bd199e86f581b776',
  },
  {
    length: 17,
    xxh: '7d43fdfa29be85be',
    xxhLong: '84a9600c7fb4c08a54e61bcc0226b7c3',
    murmur: '8897f3b8',
    murmurLong: '03ae7b35de4dd02353dc64a23a28290b',
  },
  {
    length: 32,
    xxh: 'f8a8971f44f67934',
    xxhLong: 'cebf197e888303eb8b537379571696f2',
    murmur: '6cb8e23c',
    murmurLong: '8cc54f0af37c45408228ad2897a6d243',
  },
  {
    length: 33,
    xxh: '6a2e0cd62df1e5ff',
    xxhLong: '0302067cb04eee7ca7204117eb320704',
    murmur: '82896da8',
    murmurLong: '45513c05458693fdb31ffa8dcd8e9db8',
  },
  {
    length: 64,
    xxh: '0eefd32c773d0fae',
    xxhLong: 'e810b3ff0521545316fb341ac107e494',
    murmur: '037df9a6',
    murmurLong: '02a994442545e00829ab1fccb55e8852',
  },
  {
    length: 65,
    xxh: '9cbf4a862a256061',
    xxhLong: '738d0a4ea4dd5c69365cf996f8adf622',
    murmur: 'fbc6683a',
    murmurLong: '196e96ea2f29b94a80bd37dc1687d715',
  },
  {
    length: 96,
    xxh: '20cd41c182cc2847',
    xxhLong: 'd06b8bcadf032a1ee531905c8c64b773',
    murmur: 'bc04667b',
    murmurLong: '2860a7439b821490db7f8eb82855744f',
  },
  {
    length: 97,
    xxh: '1d8eef03129abfac',
    xxhLong: 'f64e4c150c26c5f9bdb220daf0a7524b',
    murmur: 'aeb4a637',
    murmurLong: '504f581dead7cb022d3438753022f1bf',
  },
  {
    length: 128,
    xxh: '0cc868a5ec533ff1',
    xxhLong: 'cbac85869b15dc21d96d19efba12bea2',
    murmur: 'e5d8f828',
    murmurLong: 'b3ac92859888b3a1a46ccaedd6c8d0c7',
  },
  {
    length: 129,
    xxh: '8f71131c665c8c5f',
    xxhLong: 'b0c060a43573a32cb59473836e22c40f',
    murmur: 'f34b896c',
    murmurLong: 'b952bb754488047e7c347a87d1e5fa06',
  },
  {
    length: 160,
    xxh: '0eb274e193a9bc6e',
    xxhLong: '26e7a4d40bd4e481cd8a118695f3eb0a',
    murmur: '69a7f287',
    murmurLong: '1dfeb3e722ed862cc82f87b22e6195ed',
  },
  {
    length: 200,
    xxh: '13165d94489cd06c',
    xxhLong: 'd6ae3535ce1aa82cdc880f73fab51d4e',
    murmur: '79e0cc9a',
    murmurLong: 'b4eeaf39324de4d21c1de8418742d657',
  },
  {
    length: 240,
    xxh: '5c86bd7183a7cb45',
    xxhLong: 'adfb4f1c90cf86b5d66e4bb2aec4ee84',
    murmur: 'a566b4ec',
    murmurLong: 'ed82c6a6dc26fbf0d6d3889488a039be',
  },
  {
    length: 241,
    xxh: 'd7d72269f225ca21',
    xxhLong: 'e1b00244c07b1a5ed7d72269f225ca21',
    murmur: 'b192b9af',
    murmurLong: '65e926f050651deca41cb6749ab581e0',
  },
  {
    length: 256,
    xxh: 'b04686d6532a415c',
    xxhLong: 'd4903efe33942914b04686d6532a415c',
    murmur: '4959e625',
    murmurLong: '1fd1aea841b5c389735024db7205f8d9',
  },
  {
    length: 512,
    xxh: '9aea975508844dd4',
    xxhLong: '31da6eab8503e54d9aea975508844dd4',
    murmur: '71caf31e',
    murmurLong: '6676cb8dca6b757db4defe422572b621',
  },
  {
    length: 1023,
    xxh: '21911b174a3a54e1',
    xxhLong: '28923ba9d74446f521911b174a3a54e1',
    murmur: '79dd5f6d',
    murmurLong: 'd0d462e18f332a5d070e89884e3bcd6b',
  },
  {
    length: 1024,
    xxh: 'd2eb1795812830f9',
    xxhLong: 'e6fbc4314811c146d2eb1795812830f9',
    murmur: 'ba2e100a',
    murmurLong: '31dfff4eec18a6c6af3e1035b94c7191',
  },
  {
    length: 1025,
    xxh: 'c202829f3f65c006',
    xxhLong: '49d3432de7793f40c202829f3f65c006',
    murmur: '73d327ef',
    murmurLong: 'eec1efc1c377774c68e0437be8f173dc',
  },
  {
    length: 5000,
    xxh: '81ecbe93a298ed29',
    xxhLong: '965ed85926675e7181ecbe93a298ed29',
    murmur: '281fdb0b',
    murmurLong: 'a2bf27a2fefe965faec281156e6d05ec',
  },
]

test('texts of all lengths have the digests that other implementations give them', () => {
  for (const { length, xxh, xxhLong, murmur, murmurLong } of cases) {
    const bytes = text(length)
    assert.equal(xxh3(bytes).toString(16).padStart(16, '0'), xxh, `XXH3 of ${length}`)
    assert.equal(xxh128(bytes).toString(16).padStart(32, '0'), xxhLong, `XXH128 of ${length}`)
    assert.equal(murmur3(bytes).toString(16).padStart(8, '0'), murmur, `Murmur3 of ${length}`)
    const halves = murmur3x128(bytes).map((half) => half.toString(16).padStart(16, '0'))
    assert.equal(halves.join(''), murmurLong, `Murmur3 x128 of ${length}`)
  }
})
