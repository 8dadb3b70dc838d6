// The functions of Sprig (masterminds.github.io/sprig) for templates. Not here: what needs the network (getHostByName),
// certificates (genCA and its like) and bcrypt.
export { type SprigEnvironment, sprigFunctions } from './functions.ts'
