/**
 * Was the module that runs built from this source? The fixture's module as a user would have it, rebuilt alike, with other
 * options, from another source, and for another flavour of the kernel; through the built program.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type CliRun, runBuild } from './command-line.js';
import { findTestKernel } from './requirements.js';
import { fixtures } from './scenario.js';

const { kernel, missing } = findTestKernel();
const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;

const verificationSchema = z.object({
  verdict: z.string(),
  evidence: z.array(z.string()),
  functions: z.number(),
  identical: z.number(),
  differing: z.array(z.object({ object: z.string(), name: z.string() })),
});
const modulesSchema = z.array(z.looseObject({ name: z.string(), verification: verificationSchema.nullable() }));

/** What is built as the module that runs. */
interface Variant {
  readonly edit?: { readonly file: string; readonly from: string; readonly to: string };
  readonly makeArguments?: readonly string[];
}

describe.skipIf(kernel === undefined)(`the verification of targets${needs}`, () => {
  let folder = '';

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'kptool-verification-'));
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  /**
   * Builds the modules that run, in another place than the tree that kptool is given; the path of ib_mad.ko. All are built
   * in one tree, so that make compiles only what differs from the build before.
   */
  async function running(name: string, { edit, makeArguments = [] }: Variant = {}): Promise<string> {
    const tree = path.join(folder, 'tree');
    if (!existsSync(tree)) await cp(path.join(fixtures, 'ib_mad'), tree, { recursive: true });
    const file = path.join(tree, edit?.file ?? 'Kbuild');
    const text = await readFile(file, 'utf8');
    if (edit !== undefined) {
      expect(text).toContain(edit.from);
      await writeFile(file, text.replace(edit.from, edit.to));
    }
    await execa('make', ['-j2', '-C', kernel?.buildDirectory ?? '', `M=${tree}`, ...makeArguments, 'modules']);
    if (edit !== undefined) await writeFile(file, text);
    await mkdir(path.join(folder, name));
    for (const module of ['ib_mad.ko', 'ib_cm_stats.ko'])
      await cp(path.join(tree, module), path.join(folder, name, module));
    return path.join(folder, name, 'ib_mad.ko');
  }

  async function stripped(module: string): Promise<string> {
    const output = module.replace(/ko$/, 'stripped.ko');
    await execa('strip', ['--strip-debug', '-o', output, module]);
    return output;
  }

  /** The patch changes `state_name` of smi.c, or with `header-inline-changed` functions of five objects. */
  async function build(module: string, patch = 'namesake', words: readonly string[] = []): Promise<CliRun> {
    const output = await mkdtemp(path.join(folder, 'output-'));
    await mkdir(path.join(folder, 'cache'), { recursive: true });
    return runBuild([
      ...['--oot', path.join(fixtures, 'ib_mad'), '--kernel', kernel?.release ?? ''],
      ...['--module', module, '--module', path.join(path.dirname(module), 'ib_cm_stats.ko')],
      ...['--output', output, '--cache', path.join(folder, 'cache'), ...words],
      path.join(fixtures, `patches/${patch}.patch`),
    ]);
  }

  function verificationOf({ document }: CliRun) {
    const module = modulesSchema.parse(document.modules).find(({ name }) => name === 'ib_mad');
    return module?.verification;
  }

  const codes = ({ document }: CliRun) => document.diagnostics.map(({ severity, code }) => `${severity} ${code}`);

  test('a module rebuilt alike is the same, stripped or not', async () => {
    const module = await running('alike');
    for (const target of [module, await stripped(module)]) {
      const run = await build(target, 'header-inline-changed');
      expect(run.exitStatus, run.messages).toBe(0);
      expect(codes(run).filter((code) => code.includes('target-d') || code.includes('target-f'))).toEqual([]);
      const verification = verificationOf(run);
      // Beside the functions, its exports leave symbols behind that the link discards.
      expect(verification).toMatchObject({ verdict: 'same but for names', differing: [] });
      expect(verification?.identical).toBe(verification?.functions);
      expect(verification?.functions).toBeGreaterThan(50);
    }
    const small = await build(module);
    expect(verificationOf(small)).toMatchObject({ verdict: 'same', evidence: ['4 of 4 functions of smi.o identical'] });
  });

  test('another function of the file was changed: a warning that names it', async () => {
    const edit = { file: 'smi.c', from: '#define SMI_MAX_HOPS\t63', to: '#define SMI_MAX_HOPS\t31' };
    const run = await build(await running('elsewhere', { edit }));
    expect(run.exitStatus, run.messages).toBe(0);
    expect(verificationOf(run)).toMatchObject({
      verdict: 'other source',
      differing: [{ object: 'smi.o', name: 'smi_process' }],
    });
    expect(codes(run)).toEqual(['warning target-differs']);
  });

  test('the function that the patch changes was changed: refused, or a warning where that is wanted', async () => {
    const edit = { file: 'smi.c', from: ' : "?";', to: ' : "??";' };
    const module = await stripped(await running('touched', { edit }));
    const refused = await build(module);
    expect({ status: refused.exitStatus, codes: codes(refused) }).toEqual({
      status: 1,
      codes: ['error target-function-differs'],
    });
    expect(refused.document.diagnostics[0]?.what).toMatch(/state_name$/);
    const warned = await build(module, 'namesake', ['--skip-target-check']);
    expect({ status: warned.exitStatus, codes: codes(warned) }).toEqual({
      status: 0,
      codes: ['warning target-function-differs'],
    });
  });

  test('another source file was changed: only its object differs', async () => {
    const edit = { file: 'mad.c', from: 'return -EINVAL;', to: 'return -ERANGE;' };
    const words = ['--skip-target-check'];
    const run = await build(await running('one-file', { edit }), 'header-inline-changed', words);
    const verification = verificationOf(run);
    expect(verification?.verdict).toBe('other source');
    expect([...new Set(verification?.differing.map(({ object }) => object))]).toEqual(['mad.o']);
  });

  test('other options of gcc', async () => {
    const run = await build(
      await running('options', { makeArguments: ['KCFLAGS=-fno-inline'] }),
      'header-inline-changed',
    );
    expect(run.exitStatus).toBe(1);
    expect(codes(run)).toEqual(['warning target-not-seen', 'error target-function-differs', 'warning target-differs']);
    expect(run.messages).toContain('the target was compiled with -fno-inline');
  });

  test('a kernel without function tracing, where nothing but the code tells', async () => {
    const module = await running('untraced', { makeArguments: ['CC_FLAGS_FTRACE=-DCC_USING_FENTRY'] });
    await execa('strip', ['--strip-debug', '--keep-file-symbols', module]);
    const run = await build(module, 'namesake', ['--skip-target-check']);
    expect(run.exitStatus, run.messages).toBe(0);
    expect(verificationOf(run)).toMatchObject({
      verdict: 'other configuration',
      evidence: [
        expect.stringMatching(/functions show CONFIG_FUNCTION_TRACER here, none in the target/),
        expect.any(String),
      ],
    });
  });

  describe('the module of another flavour of the kernel', () => {
    async function withVermagic(from: string, to: string): Promise<string> {
      const module = await running(`flavour-${to.trim().replaceAll(' ', '-')}`);
      const bytes = await readFile(module);
      const at = bytes.indexOf(from, bytes.indexOf('vermagic='));
      expect(at).toBeGreaterThan(0);
      expect(to.length).toBe(from.length);
      bytes.write(to, at, 'latin1');
      await writeFile(module, bytes);
      return module;
    }

    test('of another release is refused before anything is built', async () => {
      const release = kernel?.release ?? '';
      const run = await build(await withVermagic(release, release.replace('amd64', 'cloud')));
      expect(codes(run)).toEqual(['error module-other-kernel']);
    });

    test('with other flags is refused, since this kernel does not load it', async () => {
      const run = await build(await withVermagic(' mod_unload', ' preempt_rt'));
      expect({ status: run.exitStatus, codes: codes(run) }).toEqual({
        status: 1,
        codes: ['error target-of-another-kernel'],
      });
      expect(run.document.diagnostics[0]?.what).toContain('preempt_rt');
    });
  });
});
