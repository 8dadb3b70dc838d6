// Templates in the language of Go's text/template, for settings that hold them.
export { TemplateError } from './scan.ts'
export { compileTemplate, type Template, type TemplateFunction, type TemplateFunctions } from './template.ts'
export {
  bounded,
  fault,
  formatted,
  intOf,
  isEqual,
  isList,
  isMap,
  isTrue,
  lengthMax,
  listOf,
  mapOf,
  sortedKeys,
  TemplateFault,
  TemplateObject,
  type TemplateValue,
  textOf,
  typeName,
  valueText,
} from './values.ts'
