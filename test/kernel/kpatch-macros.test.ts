/** kpatch-macros.h in the hands of the kernel's own kbuild: what the macros mean to the compiler, and to the comparison. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { KptoolError } from '../../src/diagnostics/diagnostic.js';
import { readImage } from '../../src/elf/image.js';
import { readElf } from '../../src/elf/read.js';
import { macrosFolder } from '../../src/kbuild/compiler-wrapper.js';
import { indexExports } from '../../src/lookup/exports.js';
import { tableOfImage } from '../../src/lookup/symbol-table.js';
import { diffPair, type PairOutcome } from '../../src/pipeline/diff-pair.js';
import { moduleSource, setUpTree, writeFiles } from '../unit/kbuild/tree.js';
import { findTestKernel } from './requirements.js';

const { kernel, missing } = findTestKernel();
const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;

interface Pair {
  readonly original: Uint8Array;
  readonly patched: Uint8Array;
}

/** Compiles both bodies as `toy.c` of one tree, as `kptool build` would. `flags` are the tree's own. */
async function compile(original: string, patched: string, flags = ''): Promise<Pair> {
  const files = (body: string) => ({
    Kbuild: `obj-m := toy.o\nccflags-y := ${flags}\n`,
    'toy.c': moduleSource(body),
  });
  const { build, copy } = await setUpTree(files(original));
  const read = () => readFile(path.join(copy, 'toy.o'));
  await build({ sources: ['toy.c'] });
  const before = await read();
  await writeFiles(copy, files(patched));
  await build({ side: 'patched', sources: ['toy.c'] });
  return { original: before, patched: await read() };
}

/** Compares them as parts of the kernel itself, where system calls are. */
function compare({ original, patched }: Pair): PairOutcome {
  const entrySizes = {
    ...{ ALT_STRUCT_SIZE: 12, BUG_STRUCT_SIZE: 12, EX_STRUCT_SIZE: 12, JUMP_STRUCT_SIZE: 16 },
    ...{ ORC_STRUCT_SIZE: 6, PARA_STRUCT_SIZE: 16, STATIC_CALL_STRUCT_SIZE: 8 },
  };
  const table = tableOfImage(readImage(original, 'toy.o'));
  const exports = indexExports([]);
  return diffPair({ original, patched, objectName: 'toy.o', target: 'vmlinux', table, exports, entrySizes });
}

function changesOf(outcome: PairOutcome) {
  if (outcome.kind === 'unchanged') return outcome.kind;
  const { changedFunctions, newFunctions } = outcome.diff;
  return {
    changed: changedFunctions.map(({ name }) => name).sort(),
    added: newFunctions.map(({ name }) => name).sort(),
  };
}

describe.skipIf(kernel === undefined)(`kpatch-macros.h${needs}`, () => {
  describe('marks and callbacks', () => {
    const original = `
#include <linux/static_call.h>
int toy_answer(int x);
DECLARE_STATIC_CALL(toy_hook, toy_answer);
int toy_answer(int x) { return x + 1; }
int toy_forced(int x) { return x + 1; }
int toy_ignored(int x) { return x + 1; }
int toy_calls(int x) { return static_call(toy_hook)(x); }
EXPORT_SYMBOL_GPL(toy_answer);`;
    const patched = `${original
      .replaceAll('x + 1', 'x + 2')
      .replace('static_call(toy_hook)', 'KPATCH_STATIC_CALL(toy_hook)')
      .replace('#include', '#include "kpatch-macros.h"\n#include')}
static int toy_prepare(patch_object *obj) { KPATCH_PRINTK("for %s\\n", obj->name); return 0; }
static void toy_report(struct klp_object *obj) { printk("for %s\\n", obj->name); }
KPATCH_PRE_PATCH_CALLBACK(toy_prepare)
KPATCH_POST_PATCH_CALLBACK(toy_report);
KPATCH_PRE_UNPATCH_CALLBACK(toy_report)
KPATCH_POST_UNPATCH_CALLBACK(toy_report);
KPATCH_IGNORE_FUNCTION(toy_ignored);
KPATCH_IGNORE_SECTION("__ksymtab_strings")
KPATCH_IGNORE_SECTION("___ksymtab_gpl+toy_answer");
KPATCH_FORCE_UNSAFE(toy_forced)`;
    let pair: Pair = { original: new Uint8Array(), patched: new Uint8Array() };
    beforeAll(async () => {
      pair = await compile(original, patched);
    });

    test('mean the same as before', () => {
      const outcome = compare(pair);
      expect(changesOf(outcome)).toEqual({
        changed: ['toy_answer', 'toy_calls', 'toy_forced'],
        added: ['toy_prepare', 'toy_report'],
      });
      if (outcome.kind === 'unchanged') return;
      expect(outcome.diff.callbacks.map(({ kind, symbol }) => `${kind} ${symbol.name}`)).toEqual([
        'pre_patch toy_prepare',
        'post_patch toy_report',
        'pre_unpatch toy_report',
        'post_unpatch toy_report',
      ]);
      expect(outcome.warnings.map(({ code }) => code)).toEqual(['function-forced']);
      expect(outcome.diff.newData).toEqual([]);
    });

    test('a static call becomes an ordinary one', () => {
      const callSites = (bytes: Uint8Array) =>
        readElf(bytes, 'toy.o').sections.filter(({ name }) => name === '.static_call_sites');
      expect(callSites(pair.original)).toHaveLength(1);
      expect(callSites(pair.patched)).toHaveLength(0);
    });

    test('printk makes its function cold, KPATCH_PRINTK does not', () => {
      const names = readElf(pair.patched, 'toy.o').sections.map(({ name }) => name);
      expect(names).toContain('.text.unlikely.toy_report');
      expect(names).toContain('.text.toy_prepare');
    });

    test('the place of the header does not show in the object, not even in its debug information', () => {
      expect(readElf(pair.patched, 'toy.o').sections.map(({ name }) => name)).toContain('.debug_line');
      expect(Buffer.from(pair.patched).includes('kpatch-macros.h')).toBe(true);
      expect(Buffer.from(pair.patched).includes(path.dirname(macrosFolder))).toBe(false);
    });
  });

  test('a callback of another type does not compile, and the message says what it must be', async () => {
    const patched = `#include "kpatch-macros.h"
static void toy_first(patch_object *obj) { }
static int toy_second(patch_object *obj) { return 0; }
static void toy_third(void) { }
static void toy_fourth(void *obj) { }
KPATCH_PRE_PATCH_CALLBACK(toy_first);
KPATCH_POST_PATCH_CALLBACK(toy_second);
KPATCH_PRE_UNPATCH_CALLBACK(toy_third);
KPATCH_POST_UNPATCH_CALLBACK(toy_fourth);`;
    const error = await compile('', patched).catch((failure: unknown) => failure);
    const [diagnostic] = error instanceof KptoolError ? error.diagnostics : [];
    expect(diagnostic?.code).toBe('compile-failed');
    const text = JSON.stringify(diagnostic);
    expect(text).toContain('the pre_patch callback must be int toy_first(patch_object *)');
    expect(text).toContain('the post_patch callback must be void toy_second(patch_object *)');
    expect(text).toContain('the pre_unpatch callback must be void toy_third(patch_object *)');
    expect(text).toContain('the post_unpatch callback must be void toy_fourth(patch_object *)');
  });

  describe('system calls', () => {
    const parameters = ['one', 'two', 'three', 'four', 'five', 'six'];
    const body = (prefix: string, value: number) =>
      parameters
        .map((_, index) => {
          const own = parameters.slice(0, index + 1);
          const sum = own.map((name) => `(long)${name}`).join(' + ');
          const list = own.map((name) => `int, ${name}`).join(', ');
          return `${prefix}SYSCALL_DEFINE${own.length}(toy${own.length}, ${list})\n{\n\treturn ${sum} + ${value};\n}`;
        })
        .join('\n');
    const original = `#include <linux/syscalls.h>\n${body('', 1)}`;
    const changed = parameters.flatMap((_, index) => [`__ia32_sys_toy${index + 1}`, `__x64_sys_toy${index + 1}`]);

    test('with one to six parameters, also through kpatch-syscall.h', async () => {
      const patched = `#include <linux/syscalls.h>\n#include "kpatch-syscall.h"\n${body('KPATCH_', 2)}`;
      expect(changesOf(compare(await compile(original, patched)))).toEqual({ changed: changed.sort(), added: [] });
    });

    // As with bodies that the compiler finds too large.
    test('whose body is not inlined: its caller brings it along, under the name that the macro gives', async () => {
      const plain = `#include <linux/syscalls.h>\n${body('', 2)}`;
      expect(changesOf(compare(await compile(original, plain, '-fno-inline')))).toEqual({
        changed: parameters.map((_, index) => `__se_sys_toy${index + 1}`),
        added: parameters.map((_, index) => `__do_sys_toy${index + 1}`),
      });
      const patched = `#include <linux/syscalls.h>\n#include "kpatch-macros.h"\n${body('KPATCH_', 2)}`;
      expect(changesOf(compare(await compile(original, patched, '-fno-inline')))).toEqual({
        changed: parameters.map((_, index) => `__se_sys_toy${index + 1}`),
        added: parameters.map((_, index) => `kpatch_do_sys_toy${index + 1}`),
      });
    });
  });
});
