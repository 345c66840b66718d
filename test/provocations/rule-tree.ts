/** A small module compiled before and after a patch, linked as it runs, and compared as a build does. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Diagnostic, KptoolError } from '../../src/diagnostics/diagnostic.js';
import { ruleIds } from '../../src/diagnostics/rules.js';
import { parseKernelConfig } from '../../src/kernel/config.js';
import { readModuleFile } from '../../src/kernel/module-file.js';
import { parseSymvers } from '../../src/kernel/symvers.js';
import { touchedCode } from '../../src/patch/touched-code.js';
import { type ComparisonResult, compareObjects } from '../../src/pipeline/compare-objects.js';
import type { RuleLevel } from '../../src/pipeline/rule-levels.js';
import { type Command, runInOrderSync } from '../builders/commands.js';

/** A file that is the same on both sides, or its text before and after. */
export type Sides = string | readonly [original: string, patched: string];

export interface RuleTree {
  /** By name; each `.c` file is compiled to an object of the module `toy`. */
  readonly files: Readonly<Record<string, Sides>>;
  /** Sources of the module as it runs that are not compiled again. */
  readonly others?: Readonly<Record<string, string>>;
  /** Sources that the module as it runs was made of in place of `files`. */
  readonly running?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  /** Rows of `Module.symvers` beyond the usual ones. */
  readonly symvers?: string;
  /** See `changedExports`. */
  readonly changedExports?: Readonly<Record<string, readonly string[]>>;
  readonly skipTargetCheck?: boolean;
}

const flagsOfKernel = [
  ...['-O2', '-pg', '-mfentry', '-mrecord-mcount', '-fno-pie', '-mcmodel=kernel', '-mno-red-zone', '-ffreestanding'],
  ...['-fno-asynchronous-unwind-tables', '-fcf-protection=none', '-mno-sse', '-fno-stack-protector', '-w'],
];
const sectionFlags = ['-ffunction-sections', '-fdata-sections'];

const declarations = `
#define noinline __attribute__((noinline))
int printk(const char *format, ...);
`;

const information = `
static const char name[] __attribute__((used, section(".modinfo"))) = "name=toy";
static const char magic[] __attribute__((used, section(".modinfo"))) = "vermagic=6.1.0-1-amd64 SMP";
`;

const usualSymvers = '0x00000001\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n';

/** All rules but `id` are switched off, so that what is found is that rule's. Others' findings come out as they are. */
export async function findingsOfRule(id: string, tree: RuleTree, level?: RuleLevel): Promise<readonly Diagnostic[]> {
  const levels = new Map<string, RuleLevel>(ruleIds.filter((other) => other !== id).map((other) => [other, 'off']));
  if (level !== undefined) levels.set(id, level);
  try {
    return (await compareTree(tree, levels)).warnings;
  } catch (error) {
    if (error instanceof KptoolError) return error.diagnostics;
    throw error;
  }
}

/** Throws as `compareObjects`. */
export async function compareTree(tree: RuleTree, rules: ReadonlyMap<string, RuleLevel>): Promise<ComparisonResult> {
  const work = mkdtempSync(path.join(tmpdir(), 'kptool-rules-'));
  try {
    return await compareIn(work, tree, rules);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function compareIn(
  work: string,
  tree: RuleTree,
  rules: ReadonlyMap<string, RuleLevel>,
): Promise<ComparisonResult> {
  const { files, others = {}, flags = ['-g'], symvers = '', changedExports = {}, skipTargetCheck = false } = tree;
  const side = (index: 0 | 1) =>
    Object.fromEntries(Object.entries(files).map(([name, text]) => [name, textOn(text, index)]));
  const [original, patched] = [side(0), side(1)];
  const commands: Command[] = [];
  const compile = (name: string, sources: Readonly<Record<string, string>>, added: readonly string[]) => {
    const folder = path.join(work, name);
    mkdirSync(folder);
    for (const [file, text] of Object.entries(sources)) writeFileSync(path.join(folder, file), declarations + text);
    const files = Object.keys(sources).filter((file) => file.endsWith('.c'));
    if (files.length > 0)
      commands.push({ folder, words: ['gcc', ...flagsOfKernel, ...flags, ...added, '-c', ...files] });
    return files.map((file) => path.join(folder, file.replace(/c$/, 'o')));
  };
  const running = compile('running', { ...original, ...tree.running, ...others, 'information.c': information }, []);
  const target = path.join(work, 'toy.ko');
  commands.push({ folder: work, words: ['ld', '-r', '-o', target, ...running] });
  compile('original', original, sectionFlags);
  const objects = compile('patched', patched, sectionFlags);
  runInOrderSync(commands);
  const texts = Object.entries(files).filter(([, text]) => typeof text !== 'string');
  return await compareObjects({
    pairs: objects.map((file) => {
      const object = path.basename(file);
      return { object, modules: ['toy'], original: path.join(work, 'original', object), patched: file };
    }),
    targets: [{ name: 'toy', module: await readModuleFile(target), chosenBy: '--module', wasSeen: true }],
    ...{ built: [], linked: [], findRebuild: async () => undefined, entrySizes: {}, explain: false },
    exports: parseSymvers(usualSymvers + symvers, 'Module.symvers'),
    verification: {
      kernel: { release: '6.1.0-1-amd64', config: parseKernelConfig('CONFIG_SMP=y\n') },
      ...{ skipCheck: skipTargetCheck, skipCompilerCheck: false },
    },
    touched: touchedCode(new Map(texts.map(([name, text]) => [name, { original: text[0], patched: text[1] }]))),
    changedExports: new Map(Object.entries(changedExports)),
    rules,
  });
}

function textOn(text: Sides, index: 0 | 1): string {
  return typeof text === 'string' ? text : text[index];
}
