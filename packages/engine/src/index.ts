export { errorCodes } from './errors.ts'
