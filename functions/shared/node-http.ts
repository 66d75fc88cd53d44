/**
 * Node's HTTP client. Whoever imports `node:http` as a module gets all that it exports read at once, and one of that loads the whole
 * of undici, which nobody here uses: 25 ms of each cold start.
 */
export const http = process.getBuiltinModule('node:http');
