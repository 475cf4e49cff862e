// node main.js FOLDER: FOLDER holds graphrt.node and libclassifier.so.
const path = require('path');
const folder = path.resolve(process.argv[2]);
const model = require(path.join(folder, 'graphrt.node')).load(
    path.join(folder, 'libclassifier.so'), 'classifier');

console.log(model.exports.join(' '));
const [y] = model.call('predict', [2], [Float32Array.of(1, 2, 3, 0, 0, 2)]);
console.log(y.join(' '));
for (const wrong of [[new Float64Array(3)], [new Float32Array(4)], []])
  try {
    model.call('predict', [1], wrong);
  } catch (error) {
    console.log(`${error.name}: ${error.message}`);
  }
