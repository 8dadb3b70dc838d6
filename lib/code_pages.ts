// Mappings of the bytes of IBM's code pages to Unicode (unicode.org/Public/MAPPINGS/VENDORS/MICSFT).
import { Buffer } from 'node:buffer'

const ascii = Array.from({ length: 128 }, (_, byte) => String.fromCharCode(byte)).join('')
const boxes = '░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀'
const signs = 'αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\xa0'
const latin = 'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»'
const multilingual = '░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\xad±‗¾¶§÷¸°¨·¹³²■\xa0'

/** EBCDIC of the United States: what each byte is in ISO 8859-1. */
const ibm037 = Buffer.from(
  '000102039c09867f978d8e0b0c0d0e0f101112139d8508871819928f1c1d1e1f80818283840a171b88898a8b8c050607' +
    '909116939495960498999a9b14159e1a20a0e2e4e0e1e3e5e7f1a22e3c282b7c26e9eaebe8edeeefecdf21242a293bac' +
    '2d2fc2c4c0c1c3c5c7d1a62c255f3e3ff8c9cacbc8cdcecfcc603a2340273d22d8616263646566676869abbbf0fdfeb1' +
    'b06a6b6c6d6e6f707172aabae6b8c6a4b57e737475767778797aa1bfd0dddeae5ea3a5b7a9a7b6bcbdbe5b5dafa8b4d7' +
    '7b414243444546474849adf4f6f2f3f57d4a4b4c4d4e4f505152b9fbfcf9faff5cf7535455565758595ab2d4d6d2d3d5' +
    '30313233343536373839b3dbdcd9da9f',
  'hex',
).toString('latin1')

/** The characters of all 256 bytes, by the code page's name. */
export const codePages: ReadonlyMap<string, string> = new Map([
  ['ibm037', ibm037],
  ['ibm1047', exchanged(ibm037, [0x5f, 0xb0], [0xad, 0xba], [0xbb, 0xbd])],
  ['ibm1140', ibm037.replace('¤', '€')],
  ['ibm437', `${ascii}ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»${boxes}${signs}`],
  ['ibm850', ascii + latin + multilingual],
  [
    'ibm852',
    `${ascii}ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠšŔÚŕŰýÝţ´\xad˝˛ˇ˘§÷¸°¨˙űŘř■\xa0`,
  ],
  [
    'ibm855',
    `${ascii}ђЂѓЃёЁєЄѕЅіІїЇјЈљЉњЊћЋќЌўЎџЏюЮъЪаАбБцЦдДеЕфФгГ«»░▒▓│┤хХиИ╣║╗╝йЙ┐└┴┬├─┼кК╚╔╩╦╠═╬¤лЛмМнНоОп┘┌█▄Пя▀ЯрРсСтТуУжЖвВьЬ№\xadыЫзЗшШэЭщЩчЧ§■\xa0`,
  ],
  ['ibm858', ascii + latin + multilingual.replace('ı', '€')],
  ['ibm860', `${ascii}ÇüéâãàÁçêÊèÍÔìÃÂÉÀÈôõòÚùÌÕÜ¢£Ù₧ÓáíóúñÑªº¿Ò¬½¼¡«»${boxes}${signs}`],
  ['ibm862', `${ascii}אבגדהוזחטיךכלםמןנסעףפץצקרשת¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»${boxes}${signs}`],
  ['ibm863', `${ascii}ÇüéâÂà¶çêëèïî‗À§ÉÈÊôËÏûù¤ÔÜ¢£ÙÛƒ¦´óú¨¸³¯Î⌐¬½¼¾«»${boxes}${signs}`],
  ['ibm865', `${ascii}ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø₧ƒáíóúñÑªº¿⌐¬½¼¡«¤${boxes}${signs}`],
])

/** `table` with the characters of each two bytes exchanged. */
function exchanged(table: string, ...pairs: readonly (readonly [number, number])[]): string {
  const chars = [...table]
  for (const [a, b] of pairs) [chars[a], chars[b]] = [chars[b] as string, chars[a] as string]
  return chars.join('')
}
