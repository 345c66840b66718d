/**
 * The verification on modules that gcc compiled and `ld -r` linked: the target without section flags, as kernels build it,
 * the original object with them, as kptool builds it.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { x86_64 } from '../../src/arch/x86-64.js';
import { readImage } from '../../src/elf/image.js';
import { readElf } from '../../src/elf/read.js';
import { codeOfImage, KernelCode } from '../../src/kernel/kernel-code.js';
import { packCode } from '../../src/kernel/packed-code.js';
import { buildMarks } from '../../src/lookup/build-marks.js';
import { CodeIndex } from '../../src/lookup/code-index.js';
import { createLookup } from '../../src/lookup/create-lookup.js';
import { indexExports } from '../../src/lookup/exports.js';
import { LinkedCode } from '../../src/lookup/linked-code.js';
import { tableOfImage } from '../../src/lookup/symbol-table.js';
import { parseSystemMap } from '../../src/lookup/system-map.js';
import { judge } from '../../src/lookup/verdict.js';
import { type ObjectVerification, verifyObject } from '../../src/lookup/verification.js';
import { hasProgram } from '../builders/readelf.js';

const missing = ['gcc', 'ld', 'strip', 'nm'].filter((name) => !hasProgram(name));

/** A call within the section, jumps in tail position near and far, a loop across such a jump, cold code, a table, texts. */
const CM = `
extern int printk(const char *, ...);
extern void note(const char *, int);
static int states[4] = { 1, 2, 3, 4 };
static const char *const names[] = { "idle", "sent", "live" };
static __attribute__((noinline)) int cm_check(int x) { printk("check %d", x); return x * 3; }
static __attribute__((noinline)) int cm_finish(int x) { printk("finish %s", names[x & 1]); return x - 7; }
static __attribute__((noinline)) int cm_near(int x) { static int calls; calls += x; return cm_finish(calls); }
static __attribute__((noinline)) int cm_loop(int x)
{
	for (int i = 0; i < x; i++) {
		if (states[i & 3] == x)
			return cm_near(x);
		states[i & 3] += cm_check(i);
	}
	return cm_check(x);
}
int cm_send(int x)
{
	if (__builtin_expect(x < 0, 0)) {
		note(__FILE__, 1);
		printk("negative in %s", __FILE__ ":");
		return cm_finish(x);
	}
	return cm_loop(x) + cm_near(x) + cm_check(x + 1);
}
static __attribute__((section(".data..percpu"))) __seg_gs int cm_load, cm_other_load;
int cm_open(int x) { cm_load += x; if (x) return cm_send(x); return cm_near(1 + cm_other_load); }
int *cm_state(void) { return &states[2]; }
__attribute__((weak)) int cm_arch(int x) { return x; }
static int (*cm_exit)(int) __attribute__((used, section(".exitcall.exit"))) = cm_arch;
`;

const MAD =
  'extern int cm_send(int); static int cm_near(int x) { return x + 2; } int mad_send(int x) { return cm_near(x) + cm_send(x); }';

/** What a kernel has beside: the callees of the others, and a function in the place of a weak one. */
const ENTRY = `
int cm_arch(int x) { return x * 40 - 2; }
int printk(const char *text, ...) { return text[0]; }
void note(const char *text, int x) { printk(text, x); }
void mark(const char *text, int x) { printk(text, x + 1); }
`;

/** In the order of the kernel's own (arch/x86/kernel/vmlinux.lds.S), with its fill. */
const KERNEL_SCRIPT = `
SECTIONS {
	.data..percpu 0 : { *(.data..percpu) }
	. = 0xffffffff81000000;
	.text : { *(.text.hot .text .text.unlikely) } =0xcccccccc
	. = 0xffffffff82000000;
	.rodata : { *(.rodata .rodata.*) }
	.data : { *(.data .data.*) }
	.bss : { *(.bss .bss.*) }
	/DISCARD/ : { *(.exitcall.exit) }
}
`;

describe.skipIf(missing.length > 0)(`with gcc and binutils (missing: ${missing.join(', ') || 'nothing'})`, () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kptool-verification-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function compile(path: string, text: string, flags: readonly string[]): string {
    const source = join(folder, path);
    mkdirSync(dirname(source), { recursive: true });
    writeFileSync(source, text);
    const object = source.replace(/c$/, 'o');
    execFileSync('gcc', ['-c', '-O2', '-g', '-fno-pie', '-mcmodel=kernel', ...flags, '-o', object, source]);
    return object;
  }

  /** The module as it runs, linked from `cm` and another object. */
  function target(name: string, cm: string, flags: readonly string[] = []): string {
    const objects = [compile(`${name}/mad.c`, MAD, flags), compile(`${name}/cm.c`, cm, flags)];
    const module = join(folder, `${name}.ko`);
    execFileSync('ld', ['-r', '-o', module, ...objects]);
    return module;
  }

  function stripped(module: string): string {
    const output = module.replace(/ko$/, 'stripped.ko');
    execFileSync('strip', ['--strip-debug', '-o', output, module]);
    return output;
  }

  const originalFlags = ['-ffunction-sections', '-fdata-sections'];

  function verify(module: string): { verification: ObjectVerification; verdict: string; evidence: readonly string[] } {
    const object = compile('original/cm.c', CM, originalFlags);
    const original = readElf(readFileSync(object), object);
    const image = readImage(readFileSync(module), module);
    const lookup = createLookup({ objectName: 'toy', original, table: tableOfImage(image), exports: indexExports([]) });
    const running = readElf(image.bytes, module);
    const verification = verifyObject({
      object: 'cm.o',
      original,
      target: new CodeIndex(running),
      lookup,
      arch: x86_64,
    });
    const judgement = judge({
      objects: [verification],
      ours: buildMarks(original.sections),
      theirs: buildMarks(running.sections),
      release: '6.1.0',
      targetRelease: '6.1.0',
      contradictions: [],
    });
    return { verification, ...judgement };
  }

  /** A kernel that is linked from `cm` and others: the code at its address, per-CPU data at 0, and symbols without sizes. */
  function kernel(name: string, cm: string, flags: readonly string[] = []): { map: string; code: KernelCode } {
    const sources = { entry: ENTRY, mad: MAD, cm };
    const objects = Object.entries(sources).map(([file, text]) =>
      compile(`${name}/${file}.c`, text, ['-fno-asynchronous-unwind-tables', ...flags]),
    );
    const script = join(folder, `${name}.lds`);
    writeFileSync(script, KERNEL_SCRIPT);
    const vmlinux = join(folder, `${name}.vmlinux`);
    execFileSync('ld', ['-static', '-T', script, '-o', vmlinux, ...objects]);
    const image = readImage(readFileSync(vmlinux), vmlinux);
    const code = KernelCode.unpack(packCode(image.format.machine, codeOfImage(image)));
    if (code === undefined) throw new Error('no code');
    return { map: execFileSync('nm', ['-n', vmlinux], { encoding: 'utf8' }), code };
  }

  function verifyKernel({ map, code }: ReturnType<typeof kernel>, flags: readonly string[] = []): ObjectVerification {
    const object = compile('original/cm.c', CM, [...originalFlags, '-fno-asynchronous-unwind-tables', ...flags]);
    const original = readElf(readFileSync(object), object);
    const table = parseSystemMap(map, 'System.map');
    const lookup = createLookup({ objectName: 'vmlinux', original, table, exports: indexExports([]) });
    const target = new LinkedCode(table, code, x86_64);
    return verifyObject({ object: 'cm.o', original, target, lookup, arch: x86_64 });
  }

  function sizeOf(file: string, name: string): number {
    const line = execFileSync('nm', ['-S', file], { encoding: 'utf8' })
      .split('\n')
      .find((one) => one.endsWith(` ${name}`));
    return Number.parseInt(line?.split(' ')[1] ?? '', 16);
  }

  test.each([
    ['with its debug data', (module: string) => module],
    ['stripped', stripped],
  ])('a rebuilt module is the same, %s', (_what, prepare) => {
    const { verification, verdict, evidence } = verify(prepare(target('rebuilt', CM)));
    expect(verification.differences).toEqual([]);
    expect(verification.identical).toBe(verification.functions);
    expect(verification.functions).toBeGreaterThanOrEqual(6);
    expect(verdict).toBe('same');
    expect(evidence).toEqual([`${verification.functions} of ${verification.functions} functions of cm.o identical`]);
  });

  test('the case has what it is about: jumps that are shorter in the target', () => {
    const module = target('rebuilt', CM);
    const object = compile('original/cm.c', CM, originalFlags);
    expect(sizeOf(module, 'cm_loop')).toBeLessThan(sizeOf(object, 'cm_loop'));
  });

  /** What is edited in the target's source, and the functions that must be found to differ by it. */
  const edits: [string, (text: string) => string, string[]][] = [
    ['a constant', (text) => text.replace('x * 3', 'x * 5'), ['cm_check']],
    ['a constant of one byte', (text) => text.replace('x - 7', 'x - 9'), ['cm_finish']],
    ['a text', (text) => text.replace('check %d', 'chick %d'), ['cm_check']],
    ['the callee of a call', (text) => text.replace('+= cm_check(i)', '+= cm_finish(i)'), ['cm_loop']],
    ['the callee of a jump', (text) => text.replace('return cm_check(x);\n', 'return cm_finish(x);\n'), ['cm_loop']],
    ['where a loop goes on', (text) => text.replace('== x)', '!= x)'), ['cm_loop']],
    ['an undefined callee', (text) => text.replaceAll('note(', 'mark('), ['cm_send']],
    ['the size of data', (text) => text.replace('states[4]', 'states[6]'), ['states']],
  ];
  const folderOf = (what: string) => what.replaceAll(' ', '-');
  test.each(edits)('another source: %s', (what, edit, names) => {
    const edited = edit(CM);
    expect(edited).not.toBe(CM);
    for (const module of [target(folderOf(what), edited), stripped(target(folderOf(what), edited))]) {
      const { verification, verdict } = verify(module);
      expect(verification.differences.map(({ name }) => name)).toEqual(names);
      expect(verdict).toBe('other source');
    }
  });

  /** With calls that may be traced and with what ends functions against speculation, as kernels have them. */
  const kernelFlags: [string, string[]][] = [
    ['plain', []],
    ['with int3 behind jumps and room in front', ['-mharden-sls=all', '-fpatchable-function-entry=16,16']],
  ];
  test.each(kernelFlags)('a kernel of the same source is the same: %s', (what, flags) => {
    const { differences, meaningless, overridden, functions, identical } = verifyKernel(
      kernel(folderOf(what), CM, flags),
      flags,
    );
    expect(differences).toEqual([]);
    expect(meaningless).toEqual(['cm_exit']);
    expect(overridden.map(({ name }) => name)).toEqual(['cm_arch']);
    expect({ functions, identical }).toEqual({ functions, identical: functions });
    expect(functions).toBeGreaterThanOrEqual(6);
  });

  // Without sizes data that grew looks like data with a gap behind.
  const codeEdits = edits.filter(([what]) => what !== 'the size of data');
  test.each([
    ...codeEdits,
    [
      'the per-CPU variable',
      (text) => text.replace(/cm_(load \+= .*)cm_other_(load)/, 'cm_other_$1cm_$2'),
      ['cm_open'],
    ],
    ['a datum by its address', (text) => text.replace('return &states[2]', 'return &states[1]'), ['cm_state']],
  ] as typeof edits)('a kernel of another source: %s', (what, edit, names) => {
    const edited = edit(CM);
    expect(edited).not.toBe(CM);
    const { differences } = verifyKernel(kernel(folderOf(`kernel ${what}`), edited));
    expect(differences.map(({ name }) => name)).toEqual(names);
  });

  test('what the bundle of a failed build keeps of a kernel’s code gives the same answer', () => {
    const { map, code } = kernel('kept', CM.replace('x * 3', 'x * 5'));
    const first = verifyKernel({ map, code });
    const pages = KernelCode.unpack(code.packPagesRead());
    if (pages === undefined) throw new Error('no code');
    expect(first.differences.map(({ name }) => name)).toEqual(['cm_check']);
    expect(verifyKernel({ map, code: pages })).toEqual(first);
  });

  test('a source that was compiled under another path is the same', () => {
    const source = join(folder, 'far/away/cm.c');
    mkdirSync(dirname(source), { recursive: true });
    writeFileSync(source, CM);
    const object = join(folder, 'far.o');
    execFileSync('gcc', ['-c', '-O2', '-fno-pie', '-mcmodel=kernel', '-o', object, 'far/away/cm.c'], { cwd: folder });
    const module = join(folder, 'far.ko');
    execFileSync('ld', ['-r', '-o', module, object]);
    expect(verify(module).verification.differences).toEqual([]);
  });

  test('other options, as debug data tell', () => {
    const { verdict, evidence } = verify(target('other-options', CM, ['-O1', '-fno-inline']));
    expect(verdict).toBe('other configuration');
    expect(evidence[0]).toContain('the target was compiled with');
    expect(evidence[0]).toContain('-fno-inline');
  });

  test('other options without debug data, told by how much differs', () => {
    const { verdict, evidence } = verify(stripped(target('unoptimised', CM, ['-O0'])));
    expect(verdict).toBe('other configuration');
    expect(evidence[0]).toContain('most functions differ');
  });
});
