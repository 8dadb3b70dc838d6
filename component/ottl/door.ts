// The door of OTTL: its values, what functions are made of, and checking, compiling and running what users write.
export {
  Duration,
  exactMap,
  floatToInt,
  hexText,
  jsonNumber,
  likeBool,
  likeBytes,
  likeFloat,
  likeInt,
  likeString,
  OttlError,
  parseGoFloat,
  parseGoInt,
  TelemetryList,
  Time,
  typeName,
} from './value.ts'
export type { OttlValue } from './value.ts'
export {
  boolGetter,
  boolLikeGetter,
  boolLiteral,
  bytesLikeGetter,
  bytesLiteral,
  defineConverter,
  defineEditor,
  durationGetter,
  enumArgument,
  floatGetter,
  floatLikeGetter,
  floatLiteral,
  functionArgument,
  functionTable,
  getSetter,
  getter,
  intGetter,
  intLikeGetter,
  intLiteral,
  lambda,
  list,
  literalGetter,
  literalOf,
  mapGetSetter,
  mapGetter,
  optional,
  setter,
  sliceGetter,
  stringGetter,
  stringLikeGetter,
  stringLiteral,
  timeGetter,
} from './function.ts'
export type {
  ArgumentsOf,
  FunctionArgument,
  FunctionDefinition,
  FunctionTable,
  Getter,
  GetSetter,
  LambdaFunction,
  ParameterType,
  Parameters,
  Setter,
} from './function.ts'
export { TransformContext } from './transform_context.ts'
export type { DataPoint, ResourceHolder, ScopeHolder } from './transform_context.ts'
export { contexts, contextsOf } from './contexts.ts'
export type { ContextDefinition, ContextName } from './contexts.ts'
export { compileCondition, compileStatement, compileValue } from './compile.ts'
export type { CompiledStatement, Predicate, Scope } from './compile.ts'
export { OttlProblem, problemText } from './problem.ts'
export { checkGroup, compileGroup, loadFunctions, pathsBelow } from './group.ts'
export type { CompiledGroup, Group, GroupOptions, GroupPaths } from './group.ts'
export { calledNames, inferContext } from './infer.ts'
export { ConditionSequence, errorModes, Recorder, StatementSequence } from './sequence.ts'
export type { ErrorMode } from './sequence.ts'
export { compareValues } from './operators.ts'
export { copyPoint } from './paths_metrics.ts'
export { walkLogs, walkMetrics, walkTraces } from './walk.ts'
export { groupList } from './yaml_groups.ts'
export type { WrittenGroup } from './yaml_groups.ts'
export { ChangedOutlet } from './changed_outlet.ts'
export { expectInt, expectString, expectTime, insideOf, mapPath, storable } from './access.ts'
export type { Key } from './access.ts'
export { cachePaths, intOf } from './paths.ts'
export type { PathDefinition, PathTable } from './paths.ts'
