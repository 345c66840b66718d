/**
 * The assembly of a livepatch without the diff in front of it: a replacement for a function of vmlinux, compiled, encoded,
 * linked by kbuild, finished, verified and loaded. It reads a variable that the kernel does not export.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STB, STT } from '../../src/elf/constants.js';
import type { ElfObject } from '../../src/elf/object.js';
import { readElf } from '../../src/elf/read.js';
import { writeElf } from '../../src/elf/write.js';
import { buildLivepatchModule } from '../../src/kbuild/module.js';
import { resolveKernel } from '../../src/kernel/resolve.js';
import { parseSymvers } from '../../src/kernel/symvers.js';
import { encodeIntermediate } from '../../src/livepatch/encode-intermediate.js';
import { exposeReplacements } from '../../src/livepatch/expose-replacements.js';
import { finishModule } from '../../src/livepatch/finish.js';
import { inspectObject, renderInspectReport } from '../../src/livepatch/inspect.js';
import type { KlpRelocation } from '../../src/livepatch/livepatch.js';
import { moduleSource } from '../../src/livepatch/module-source.js';
import { type ModuleExpectations, verifyModule } from '../../src/livepatch/verify.js';
import { boot } from '../boot/boot.js';
import { findTroubles } from '../boot/troubles.js';
import { R_64, rules, sectionOf, symbolNamed } from '../builders/livepatch.js';
import { findTestKernel } from './requirements.js';

const { kernel, missing } = findTestKernel();
const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;
const name = 'livepatch-cmdline';

const replacementSource = `
#include <linux/kernel.h>
#include <linux/init.h>
#include <linux/seq_file.h>
extern char *saved_command_line;
static __attribute__((used)) int cmdline_proc_show(struct seq_file *m, void *v)
{
	seq_printf(m, "%s livepatched\\n", saved_command_line);
	return 0;
}
`;

describe.skipIf(kernel === undefined)(`a livepatch of vmlinux${needs}`, () => {
  let folder: string;
  let module: ElfObject;
  let expectations: ModuleExpectations;

  /** The replacement as the diff would leave it: what vmlinux does not export is for the loader. */
  const diffedObject = () => {
    const source = path.join(folder, 'replacement');
    mkdirSync(source);
    writeFileSync(path.join(source, 'Kbuild'), 'obj-m := replacement.o\n');
    writeFileSync(path.join(source, 'replacement.c'), replacementSource);
    const sections = 'KCFLAGS=-ffunction-sections -fdata-sections';
    const goal = ['-C', kernel?.buildDirectory ?? '', `M=${source}`, sections, 'CONFIG_DEBUG_INFO=', 'replacement.o'];
    execFileSync('make', goal, { stdio: 'pipe' });
    const object = readElf(readFileSync(path.join(source, 'replacement.o')), 'replacement.o');
    const replacement = symbolNamed(object, 'cmdline_proc_show');
    const hidden = symbolNamed(object, 'saved_command_line');
    const section = sectionOf(replacement);
    const relocations = section.relocations
      .filter(({ symbol }) => symbol === hidden)
      .map(({ offset, type, addend }): KlpRelocation => {
        const symbol = {
          name: hidden.name,
          object: 'vmlinux',
          sympos: 0,
          bind: STB.GLOBAL,
          type: STT.OBJECT,
          address: 0n,
        };
        return { section, offset, type, addend, isExternal: false, object: 'vmlinux', symbol };
      });
    section.relocations = section.relocations.filter(({ symbol }) => symbol !== hidden);
    object.symbols.splice(object.symbols.indexOf(hidden), 1);
    const originals = { object: 'vmlinux', originalSize: 0, originalAddress: 0n, sympos: 1 };
    const functions = [{ name: replacement.name, ...originals, replacement, replacementSize: replacement.size }];
    encodeIntermediate(object, { functions, relocations, callbacks: [], archSections: [] }, R_64);
    return { object, exposed: exposeReplacements(object, functions, 0) };
  };

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'kptool-livepatch-'));
    const target = await resolveKernel({ requested: kernel?.release, modules: [] });
    const { object, exposed } = diffedObject();
    const linked = await buildLivepatchModule({
      folder: path.join(folder, 'module'),
      name,
      kernel: target,
      compiler: { command: [target.compiler.program], versionText: target.compiler.versionText },
      objects: [{ fileName: 'replacement.o', bytes: writeElf(object) }],
      source: moduleSource({ name, replace: true, functions: exposed }),
      jobs: 2,
    });
    const finished = finishModule(readElf(readFileSync(linked), `${name}.ko`), rules);
    writeFileSync(path.join(folder, `${name}.ko`), writeElf(finished));
    module = readElf(readFileSync(path.join(folder, `${name}.ko`)), `${name}.ko`);
    const symvers = parseSymvers(readFileSync(target.symversPath, 'utf8'), target.symversPath);
    expectations = {
      machine: target.architecture.machine,
      name: 'livepatch_cmdline',
      release: target.release,
      exports: new Map(symvers.map((symbol) => [symbol.name, symbol.crc])),
      functions: [{ object: 'vmlinux', name: 'cmdline_proc_show', sympos: 1 }],
      entrySizes: new Map([['.orc_unwind', 6]]),
      rules,
    };
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('is verified, checksums of this kernel included', () => {
    expect(verifyModule(module, expectations)).toEqual([]);
    const exports = new Map(expectations.exports).set('seq_printf', 1);
    expect(verifyModule(module, { ...expectations, exports }).map(({ code }) => code)).toEqual(['verify-crc']);
  });

  test('can be inspected', () => {
    const lines = renderInspectReport(inspectObject(module, R_64));
    expect(lines.filter((line) => line.includes('cmdline_proc_show,1'))).toHaveLength(1);
    expect(lines.join('\n')).toMatch(/cmdline_proc_show\+0x\w+ type \d+ \.klp\.sym\.vmlinux\.saved_command_line,0/);
  });

  test('changes the kernel while it is enabled, and can be unloaded', async () => {
    const { results, dmesg } = await boot({
      image: kernel?.image ?? '',
      files: { 'modules/livepatch_cmdline.ko': path.join(folder, `${name}.ko`) },
      commands: [
        'cat /proc/cmdline',
        'lp_load livepatch_cmdline && lp_patched livepatch_cmdline vmlinux cmdline_proc_show && cat /proc/cmdline',
        'lp_disable livepatch_cmdline && cat /proc/cmdline',
      ],
    });
    const [before, enabled, disabled] = results.map(({ output, status }) => ({ output, status }));
    expect(before?.status).toBe(0);
    expect(before?.output).toMatch(/^console=.*\n$/);
    expect(enabled).toEqual({ output: before?.output.replace('\n', ' livepatched\n'), status: 0 });
    expect(disabled).toEqual(before);
    expect(findTroubles(dmesg)).toEqual([]);
  });
});
