// This program's version; a test holds it against package.json.
export const version = 'v0.1.0'
