// node --no-warnings run.mjs PROGRAM [ARGUMENT]... runs a WASI program, which sees all files.
import { readFile, readdir } from 'node:fs/promises';
import { WASI } from 'node:wasi';

const [program, ...rest] = process.argv.slice(2);
// Node finds nothing below a root that is opened as a whole: what lies in it is opened.
const preopens = { '.': '.' };
for (const entry of await readdir('/', { withFileTypes: true }))
  if (entry.isDirectory()) preopens['/' + entry.name] = '/' + entry.name;
const wasi = new WASI({
  version: 'preview1',
  args: [program, ...rest],
  env: process.env,
  preopens,
  returnOnExit: true,
});
const { instance } = await WebAssembly.instantiate(await readFile(program),
                                                   wasi.getImportObject());
process.exitCode = wasi.start(instance);
