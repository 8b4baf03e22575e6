/** `kodus-flow`, the program: `bin` of the package. */
import { runProgram } from './program';
import { endWith } from './output';

endWith(process.stdout);
endWith(process.stderr);

// Not `process.exit`: what has been written must get out first.
void runProgram(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
});
