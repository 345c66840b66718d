/** Made-up modules and kernel headers for tests: just enough of each for the code that reads them. */
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SHT, STT } from '../../../src/elf/constants.js';
import { writeElf } from '../../../src/elf/write.js';
import { neededFiles } from '../../../src/kernel/headers.js';
import { ObjectBuilder } from '../../builders/elf.js';

export interface ModuleParts {
  readonly information?: readonly string[];
  readonly comments?: readonly string[];
  /** Name in `struct module`. */
  readonly structureName?: string;
  readonly exports?: readonly string[];
  /** `__crc_NAME` symbols, as numbers of their own. */
  readonly checksums?: Readonly<Record<string, number>>;
  readonly hasFileSymbol?: boolean;
  /** Further sources that it names. */
  readonly sources?: readonly string[];
  readonly machine?: number;
}

const zeroEnded = (texts: readonly string[]) => Buffer.from(texts.map((text) => `${text}\0`).join(''));

export const vermagicOf = (release: string) => `vermagic=${release} SMP preempt mod_unload modversions `;

/** The bytes of a `.ko` that says of itself what `parts` hold. */
export function moduleBytes(parts: ModuleParts = {}): Uint8Array {
  const information = parts.information ?? ['license=GPL', 'name=ib_mad', vermagicOf('6.1.0-13-amd64')];
  const builder = new ObjectBuilder(parts.machine === undefined ? {} : { machine: parts.machine });
  const text = builder.section({ name: '.text', type: SHT.PROGBITS, content: new Uint8Array(16) });
  builder.section({ name: '.modinfo', type: SHT.PROGBITS, content: zeroEnded(information) });
  if (parts.comments !== undefined) {
    builder.section({ name: '.comment', type: SHT.PROGBITS, content: zeroEnded(['', ...parts.comments]) });
  }
  if (parts.structureName !== undefined) {
    const content = Buffer.alloc(896);
    content.write(parts.structureName, 24, 'latin1');
    builder.section({ name: '.gnu.linkonce.this_module', type: SHT.PROGBITS, content });
  }
  if (parts.hasFileSymbol === true) builder.symbol({ name: 'mad.c', place: 'absolute', type: STT.FILE });
  for (const name of parts.sources ?? []) builder.symbol({ name, place: 'absolute', type: STT.FILE });
  for (const name of parts.exports ?? []) builder.symbol({ name: `__ksymtab_${name}`, place: text });
  for (const [name, crc] of Object.entries(parts.checksums ?? {}))
    builder.symbol({ name: `__crc_${name}`, place: 'absolute', value: crc });
  return writeElf(builder.build());
}

/** An empty folder that is gone when the test process ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kptool-kernel-'));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Writes a module file and returns its path. */
export async function moduleFile(parts: ModuleParts = {}, name = 'target.ko'): Promise<string> {
  const file = path.join(await temporaryFolder(), name);
  await writeFile(file, moduleBytes(parts));
  return file;
}

/** What every kernel that livepatches has. */
export const livepatchOptions = `CONFIG_LIVEPATCH=y
CONFIG_MODULES=y
CONFIG_SYSFS=y
CONFIG_KALLSYMS_ALL=y
CONFIG_DYNAMIC_FTRACE_WITH_REGS=y
CONFIG_STACKTRACE=y
CONFIG_HAVE_RELIABLE_STACKTRACE=y
`;

export const livepatchConfig = `CONFIG_X86_64=y\n${livepatchOptions}CONFIG_CC_VERSION_TEXT="gcc-12 (Debian 12.2.0-14) 12.2.0"\n`;

export interface HeadersParts {
  readonly config?: string;
  /** The release that the tree says it is of, where it differs. */
  readonly ownRelease?: string;
  readonly without?: readonly string[];
  /** Further files, by path in the build tree. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A folder like `/lib/modules` with build trees for `releases`. */
export async function installHeaders(releases: readonly string[], parts: HeadersParts = {}): Promise<string> {
  const modulesFolder = await temporaryFolder();
  for (const release of releases) await writeHeaders(path.join(modulesFolder, release, 'build'), release, parts);
  return modulesFolder;
}

async function writeHeaders(build: string, release: string, parts: HeadersParts): Promise<void> {
  const texts: Record<string, string> = Object.fromEntries(neededFiles.map((file) => [file, '']));
  texts['.config'] = parts.config ?? livepatchConfig;
  texts['include/generated/utsrelease.h'] = `#define UTS_RELEASE "${parts.ownRelease ?? release}"\n`;
  for (const [file, text] of Object.entries({ ...texts, ...parts.files })) {
    if (parts.without?.includes(file)) continue;
    await mkdir(path.dirname(path.join(build, file)), { recursive: true });
    await writeFile(path.join(build, file), text);
  }
}

/** A program that answers `--version` with `text`, and `-dumpmachine` with `machine`; it stands in for a compiler. */
export async function fakeCompiler(text: string, machine = 'x86_64-linux-gnu'): Promise<string> {
  const program = path.join(await temporaryFolder(), 'gcc-12');
  const answer = `case $1 in -dumpmachine) echo ${machine} ;; *) printf '%s\\n' ${JSON.stringify(text)} ;; esac`;
  await writeFile(program, `#!/bin/sh\n${answer}\n`, { mode: 0o755 });
  return program;
}
