/**
 * How large the entries of special sections are in the target kernel: `.altinstructions`, `__bug_table` and their like
 * are arrays of structures that change from kernel to kernel. A small probe compiled against the target tells; no debug
 * information is needed. The diff splits the sections by these sizes.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import { readImage } from '../elf/image.js';
import { readInput, writeOutputAtomically } from '../system/files.js';
import { runProgram } from '../system/run.js';
import { writingError } from '../system/system-error.js';
import type { InstalledCompiler } from './compiler.js';

export interface EntrySizeQuestion {
  readonly kernel: { readonly release: string; readonly buildDirectory: string };
  readonly compiler: InstalledCompiler;
  /** An empty private folder with a path that kbuild can take; it is made and removed. */
  readonly folder: string;
  /** The folder that keeps answers from one run to the next. */
  readonly cache: string;
  /** Milliseconds for each call of make. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Probe {
  readonly name: string;
  readonly structure: string;
  /** Preprocessor condition under which kernels define the structure, as far as options tell. */
  readonly condition: string;
}

/** `paravirt_patch_site` went in v6.8 (commit 60bc276b129e); no option says so, hence the second try below. */
const probes = [
  {
    name: 'ALT_STRUCT_SIZE',
    structure: 'alt_instr',
    condition: 'defined(CONFIG_X86) || defined(CONFIG_ARM64) || defined(CONFIG_S390) || defined(CONFIG_LOONGARCH)',
  },
  { name: 'BUG_STRUCT_SIZE', structure: 'bug_entry', condition: 'defined(CONFIG_GENERIC_BUG)' },
  { name: 'EX_STRUCT_SIZE', structure: 'exception_table_entry', condition: 'defined(CONFIG_MMU)' },
  { name: 'FIXUP_STRUCT_SIZE', structure: 'fixup_entry', condition: 'defined(CONFIG_PPC64)' },
  { name: 'JUMP_STRUCT_SIZE', structure: 'jump_entry', condition: 'defined(CONFIG_JUMP_LABEL)' },
  { name: 'ORC_STRUCT_SIZE', structure: 'orc_entry', condition: 'defined(CONFIG_UNWINDER_ORC)' },
  { name: 'PARA_STRUCT_SIZE', structure: 'paravirt_patch_site', condition: 'defined(CONFIG_PARAVIRT)' },
  { name: 'PRINTK_INDEX_STRUCT_SIZE', structure: 'pi_entry', condition: 'defined(CONFIG_PRINTK_INDEX)' },
  {
    name: 'STATIC_CALL_STRUCT_SIZE',
    structure: 'static_call_site',
    condition: 'defined(CONFIG_HAVE_STATIC_CALL_INLINE)',
  },
] as const satisfies readonly Probe[];

/** Bytes of an entry, by the names that kpatch's environment variables have. What the kernel does not have is absent. */
export type EntrySizes = { readonly [Name in (typeof probes)[number]['name']]?: number };

/** Where the structures have been defined, in one kernel or another. */
const headers: readonly string[] = [
  'linux/kernel.h',
  'linux/module.h',
  'linux/bug.h',
  'linux/extable.h',
  'linux/jump_label.h',
  'linux/printk.h',
  'linux/static_call.h',
  'asm/alternative.h',
  'asm/extable.h',
  'asm/feature-fixups.h',
  'asm/orc_types.h',
  'asm/paravirt_types.h',
];

const symbolPrefix = 'kptool_size_of_';

/**
 * The sizes for the target kernel, from the cache or from a probe (one call of make, two on kernels that have dropped a
 * structure). A cache that cannot be read or written is done without. Throws `entry-size-probe-failed` when the probe does
 * not compile, `work-folder-unwritable` or `disk-full`.
 */
export async function readEntrySizes(question: EntrySizeQuestion): Promise<EntrySizes> {
  const cacheFile = await entrySizesFile(question);
  const known = await readCache(cacheFile);
  if (known !== undefined) return known;
  const sizes = await probe(question);
  await mkdir(question.cache, { recursive: true })
    .then(() => writeOutputAtomically(cacheFile, `${JSON.stringify(sizes)}\n`))
    .catch(() => undefined);
  return sizes;
}

/** What `readEntrySizes` would answer without running anything; `undefined` where it would have to. */
export async function cachedEntrySizes(question: Omit<EntrySizeQuestion, 'folder'>): Promise<EntrySizes | undefined> {
  return readCache(await entrySizesFile(question));
}

/** The command that compiles the probe in `folder`. */
export function probeInvocation({ folder, kernel, compiler }: Omit<EntrySizeQuestion, 'cache'>) {
  return {
    program: 'make',
    arguments: ['-s', '-C', kernel.buildDirectory, `M=${folder}`, `CC=${compiler.command.join(' ')}`, 'probe.o'],
    directory: folder,
    // kbuild takes LC_ALL out of the environment; the errors are read.
    environment: { LANG: 'C', LC_MESSAGES: 'C' },
  };
}

/** The C source whose object has one array per structure, as large as the structure, without the `excluded` ones. */
export function probeSource(excluded: ReadonlySet<string>): string {
  const includes = headers.map((header) => `#if __has_include(<${header}>)\n#include <${header}>\n#endif`);
  const arrays = probes
    .filter(({ structure }) => !excluded.has(structure))
    .map(
      ({ structure, condition }) =>
        `#if ${condition}\nchar ${symbolPrefix}${structure}[sizeof(struct ${structure})];\n#endif`,
    );
  return `${[...includes, ...arrays].join('\n')}\n`;
}

/** Structures that the compiler does not know: gcc says `incomplete type 'struct x'`, clang `an incomplete type 'struct x'`. */
export function unknownStructures(compilerOutput: string): Set<string> {
  const found = compilerOutput.matchAll(/incomplete type ['‘"]struct (\w+)['’"]/g);
  return new Set([...found].map((match) => match[1] ?? ''));
}

async function probe(question: EntrySizeQuestion): Promise<EntrySizes> {
  const { folder, kernel, timeout, signal } = question;
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, 'Kbuild'), 'obj-m := probe.o\n');
    let excluded: ReadonlySet<string> = new Set();
    for (;;) {
      await writeFile(path.join(folder, 'probe.c'), probeSource(excluded));
      const result = await runProgram({ ...probeInvocation(question), timeout, signal });
      if (result.exitStatus === 0) return await readSizes(path.join(folder, 'probe.o'));
      const unknown = unknownStructures(result.output);
      if ([...unknown].every((structure) => excluded.has(structure))) {
        const lastLines = result.output.trimEnd().split('\n').slice(-15);
        fail('entry-size-probe-failed', { release: kernel.release, buildDirectory: kernel.buildDirectory, lastLines });
      }
      excluded = new Set([...excluded, ...unknown]);
    }
  } catch (error) {
    throw writingError(error, folder, 'work-folder-unwritable');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readSizes(object: string): Promise<EntrySizes> {
  const { symbols } = readImage(await readInput(object), object);
  const sizes: Partial<Record<keyof EntrySizes, number>> = {};
  for (const { name, structure } of probes) {
    const symbol = symbols.find((candidate) => candidate.name === symbolPrefix + structure);
    if (symbol !== undefined && symbol.size > 0) sizes[name] = symbol.size;
  }
  return sizes;
}

/** Where the sizes are kept. Throws what reading the configuration throws. */
export async function entrySizesFile(question: Omit<EntrySizeQuestion, 'folder'>): Promise<string> {
  return path.join(question.cache, `entry-sizes-${await cacheKey(question)}.json`);
}

/** Whatever can change a size: the build tree, its options, the compiler, and the probe itself. */
async function cacheKey({ kernel, compiler }: Omit<EntrySizeQuestion, 'folder'>): Promise<string> {
  const hash = createHash('sha256');
  const tree = kernel.buildDirectory;
  for (const part of [tree, compiler.command.join('\0'), compiler.versionText, probeSource(new Set())]) {
    hash.update(`${part}\0`);
  }
  for (const file of ['.config', 'include/generated/autoconf.h']) hash.update(await readInput(path.join(tree, file)));
  return hash.digest('hex').slice(0, 32);
}

/** The cached sizes, or `undefined` for a file that is missing, cut off or was changed by hand. */
async function readCache(file: string): Promise<EntrySizes | undefined> {
  try {
    const cached: unknown = JSON.parse(await readFile(file, 'utf8'));
    return isEntrySizes(cached) ? cached : undefined;
  } catch {
    return undefined;
  }
}

function isEntrySizes(value: unknown): value is EntrySizes {
  if (typeof value !== 'object' || value === null) return false;
  const entries = Object.entries(value);
  const isKnown = (name: string) => probes.some((probe) => probe.name === name);
  return entries.length > 0 && entries.every(([name, size]) => isKnown(name) && Number.isInteger(size) && size > 0);
}
