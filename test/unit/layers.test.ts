import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { checkLayers, type SourceFile } from './check-layers.js';

const src = fileURLToPath(new URL('../../src', import.meta.url));

function readSources(): SourceFile[] {
  return readdirSync(src, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(src, path), text: readFileSync(path, 'utf8') }));
}

test('src/ keeps its layers', () => {
  const files = readSources();
  expect(files.length).toBeGreaterThan(20);
  expect(checkLayers(files)).toEqual([]);
});

describe('the checker', () => {
  const check = (path: string, text: string) => checkLayers([{ path, text }]);

  describe('lets pass', () => {
    test.each([
      ['main.ts', "import { run } from './cli/run.js';\nprocess.exitCode = await run([]);"],
      ['cli/run.ts', "const { build } = await import('../pipeline/build.js');"],
      ['cli/render.ts', "import type { Kernel } from '../kernel/kernel.js';"],
      ['pipeline/build.ts', "import { diff } from '../diff/diff.js';\nimport { run } from '../system/run.js';"],
      ['diff/diff.ts', "import type { Lookup } from '../lookup/lookup.js';\nimport { read } from '../elf/read.js';"],
      ['diff/diff.ts', "import { type Lookup, type Owner } from '../lookup/lookup.js';"],
      ['livepatch/finish.ts', "import type {\n  Kernel,\n} from '../kernel/kernel.js';"],
      ['elf/read.ts', "import { fail } from '../diagnostics/catalogue.js';\nimport { inspect } from 'node:util';"],
      ['system/run.ts', "import { execa } from 'execa';\nimport { rm } from 'node:fs/promises';"],
      [
        'diff/a.ts',
        "// import { x } from '../kernel/x.js';\n/* console.log() */\nconst text = 'import(x), process.exit';",
      ],
      ['cli/a.ts', "const url = 'https://x'; console.log(url);"],
      ['diff/a.ts', 'const reprocess = { exit: 1 }; reprocess.exit;'],
    ])('%s: %s', (path, text) => {
      expect(check(path, text)).toEqual([]);
    });
  });

  describe('catches', () => {
    test.each([
      [
        'a stage that calls another',
        'diff/a.ts',
        "\nimport { x } from '../lookup/x.js';",
        'src/diff/a.ts:2: diff may only',
      ],
      ['a value beside types', 'diff/a.ts', "import { type X, y } from '../lookup/x.js';", 'may only `import type`'],
      ['a default beside types', 'diff/a.ts', "import y, { type X } from '../lookup/x.js';", 'may only `import type`'],
      ['a default called type', 'diff/a.ts', "import type, { X } from '../lookup/x.js';", 'may only `import type`'],
      [
        'a type from further right',
        'lookup/a.ts',
        "import type { X } from '../diff/x.js';",
        'lookup may not import diff',
      ],
      [
        'a type from the pipeline',
        'kernel/a.ts',
        "import type { X } from '../pipeline/x.js';",
        'may not import pipeline',
      ],
      ['a stage that calls the command line', 'patch/a.ts', "import { x } from '../cli/x.js';", 'may not import cli'],
      [
        'the command line that calls a stage',
        'cli/a.ts',
        "import { x } from '../diff/x.js';",
        'may only `import type`',
      ],
      ['a dynamic import', 'diff/a.ts', "await import('../kernel/x.js');", 'may only `import type`'],
      [
        'an import over several lines',
        'elf/a.ts',
        "import {\n  x,\n} from '../arch/x.js';",
        'src/elf/a.ts:3: elf may not',
      ],
      ['a re-export', 'elf/a.ts', "export { x } from '../arch/x.js';", 'elf may not import arch'],
      ['a re-export of everything', 'elf/a.ts', "export * from '../arch/x.js';", 'elf may not import arch'],
      ['an import for its effect', 'elf/a.ts', "import '../system/x.js';", 'elf may not import system'],
      [
        'two on a line',
        'elf/a.ts',
        "import '../elf/y.js'; import { x } from '../arch/x.js';",
        'elf may not import arch',
      ],
      ['a detour', 'elf/a.ts', "import { x } from './../elf/../arch/x.js';", 'elf may not import arch'],
      ['a path out of src', 'cli/a.ts', "import { x } from '../../test/x.js';", 'leaves src/'],
      ['a missing ending', 'cli/a.ts', "import { x } from './x';", 'must end with .js'],
      ['a computed import', 'cli/a.ts', 'await import(name);', 'must be readable'],
      ['an unnamed require', 'cli/a.ts', "createRequire(import.meta.url)('x');", 'must be readable'],
      ['a computed require', 'cli/a.ts', 'require(name);', 'must be readable'],
      ['a require of what belongs elsewhere', 'cli/a.ts', "require('execa');", 'execa belongs in system only'],
      [
        'diagnostics that import',
        'diagnostics/a.ts',
        "import { x } from '../elf/x.js';",
        'diagnostics may not import elf',
      ],
      [
        'diagnostics that use Node',
        'diagnostics/a.ts',
        "import { x } from 'node:util';",
        'imports nothing outside itself',
      ],
      ['files in elf', 'elf/a.ts', "import { readFile } from 'node:fs/promises';", 'no input or output'],
      ['programs in lookup', 'lookup/a.ts', "import { spawn } from 'node:child_process';", 'no input or output'],
      ['the environment in arch', 'arch/a.ts', 'process.env.X;', 'arch does no input or output'],
      ['execa outside system', 'kbuild/a.ts', "import { execa } from 'execa';", 'execa belongs in system only'],
      ['yargs outside cli', 'pipeline/a.ts', "import yargs from 'yargs/yargs';", 'yargs belongs in cli only'],
      ['listr2 outside cli', 'pipeline/a.ts', "import type { Listr } from 'listr2';", 'listr2 belongs in cli only'],
      ['an unknown package', 'cli/a.ts', "import x from '@scope/pkg/deep';", 'the package @scope/pkg has no home'],
      ['printing', 'pipeline/a.ts', 'console.log(1);', 'src/pipeline/a.ts:1: only cli prints'],
      ['writing to the terminal', 'system/a.ts', '\n\nprocess.stdout.write(x);', 'src/system/a.ts:3: only cli prints'],
      ['printing in a template', 'system/a.ts', 'const x = `a $' + '{console.log(1)} b`;', 'only cli prints'],
      ['process.exit', 'main.ts', 'process.exit(1);', 'process.exit is used nowhere'],
      ['an exit status set elsewhere', 'cli/run.ts', 'process.exitCode = 1;', 'only main.ts sets the exit status'],
      ['a default export', 'elf/a.ts', 'export default 1;', 'no default exports'],
      ['a barrel', 'elf/index.ts', '', 'no barrel files'],
      ['a folder for everything', 'elf/common/a.ts', '', 'the name says nothing'],
      ['a file for everything', 'elf/utils.ts', '', 'the name says nothing'],
      ['an unknown folder', 'tools/a.ts', '', 'tools is not a folder of the design'],
      ['a file beside main.ts', 'start.ts', '', 'start.ts is not a folder of the design'],
    ])('%s', (_, path, text, problem) => {
      expect(check(path, text).join('\n')).toContain(problem);
    });
  });
});
