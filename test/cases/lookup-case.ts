/**
 * A case of fixtures/lookup: compiles its C sources as a kernel build would, links the target, and asks the lookup about
 * symbols of one object, which is compiled with section flags as kptool compiles it.
 */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { STT } from '../../src/elf/constants.js';
import { readImage } from '../../src/elf/image.js';
import { readElf } from '../../src/elf/read.js';
import type { ExportedSymbol } from '../../src/kernel/symvers.js';
import { createLookup } from '../../src/lookup/create-lookup.js';
import { indexExports } from '../../src/lookup/exports.js';
import { describeUnresolved } from '../../src/lookup/findings.js';
import type { LookupAnswer } from '../../src/lookup/lookup.js';
import { type TargetTable, tableOfImage } from '../../src/lookup/symbol-table.js';
import { hasProgram } from '../builders/readelf.js';

export const casesFolder = path.resolve(import.meta.dirname, '../../fixtures/lookup');

/** fixtures/README.md describes the file. */
const caseSchema = z.strictObject({
  exports: z.array(z.string().regex(/^\w+ \w+$/)).default([]),
  scenes: z
    .array(
      z.strictObject({
        title: z.string(),
        link: z.array(z.string()).min(1),
        object: z.string(),
        ask: z.array(z.string().regex(/^(?:global|function|data) \S+$/)).min(1),
        flags: z.array(z.string()).default([]),
        targetFlags: z.array(z.string()).default([]),
        rebuildFlags: z.array(z.string()).default([]),
        strip: z.boolean().default(false),
        isVmlinux: z.boolean().default(false),
        hasLinkOrder: z.boolean().default(false),
        hasRebuild: z.boolean().default(false),
      }),
    )
    .min(2),
});

type Scene = z.output<typeof caseSchema>['scenes'][number];

export const missingPrograms = ['gcc', 'ld', 'strip'].filter((program) => !hasProgram(program));

export const caseNames = readdirSync(casesFolder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();

const run = promisify(execFile);

const kernelFlags = ['-c', '-O2', '-fno-pie', '-ffreestanding', '-fno-asynchronous-unwind-tables', '-w'];
const sectionFlags = ['-ffunction-sections', '-fdata-sections'];

/** Everything that the lookup answers to the questions of the case, as text: `expected.txt`. */
export async function runCase(name: string, work: string): Promise<string> {
  const folder = path.join(casesFolder, name);
  const settings = caseSchema.parse(JSON.parse(await readFile(path.join(folder, 'case.json'), 'utf8')));
  const compile = compiler(folder, path.join(work, name, 'objects'));
  const scenes: string[] = [];
  for (const [index, scene] of settings.scenes.entries()) {
    const place = path.join(work, name, String(index));
    await mkdir(place, { recursive: true });
    scenes.push(await runScene(scene, { place, compile, exports: settings.exports }));
  }
  return scenes.join('\n');
}

/** The object of a source of the case, compiled with these flags. */
type Compile = (source: string, flags: readonly string[]) => Promise<string>;

/** Scenes share most objects, so each is compiled once. */
function compiler(folder: string, place: string): Compile {
  const objects = new Map<string, Promise<string>>();
  return (source, flags) => {
    const key = [source, ...flags].join(' ');
    const object =
      objects.get(key) ?? compile(path.join(folder, source), path.join(place, String(objects.size)), flags);
    objects.set(key, object);
    return object;
  };
}

async function compile(source: string, folder: string, flags: readonly string[]): Promise<string> {
  await mkdir(folder, { recursive: true });
  const object = path.join(folder, path.basename(source).replace(/c$/, 'o'));
  await run('gcc', [...kernelFlags, ...flags, '-o', object, source]);
  return object;
}

interface Place {
  readonly place: string;
  readonly compile: Compile;
  readonly exports: readonly string[];
}

async function runScene(scene: Scene, { place, compile, exports }: Place): Promise<string> {
  const objectName = scene.isVmlinux ? 'vmlinux' : 'toy';
  const objectOf = (source: string) => source.replace(/c$/, 'o');
  const objects = scene.link.map(objectOf);
  const linkWith = async (name: string, flags: readonly string[]) =>
    link(await Promise.all(scene.link.map((source) => compile(source, flags))), path.join(place, name), scene);
  const target = await linkWith('target', [...scene.flags, ...scene.targetFlags]);
  if (scene.strip) await run('strip', ['--strip-debug', target]);
  const table = await readTable(target);
  const file = await compile(scene.object, [...scene.flags, ...sectionFlags]);
  const rebuilt = scene.hasRebuild ? await linkWith('rebuild', [...scene.flags, ...scene.rebuildFlags]) : undefined;
  const lookup = createLookup({
    objectName,
    original: readElf(await readFile(file), scene.object),
    table,
    exports: indexExports(exports.map(exportOf)),
    ...(scene.hasLinkOrder ? { linkOrder: { objects, object: objectOf(scene.object) } } : {}),
    ...(rebuilt === undefined ? {} : { referenceTable: await readTable(rebuilt) }),
  });
  const about = [
    `${objectOf(scene.object)} of ${objectName}, linked from ${objects.join(' ')}`,
    ...(scene.targetFlags.length > 0 ? [`the target with ${scene.targetFlags.join(' ')}`] : []),
    ...(scene.strip ? ['stripped'] : []),
    ...(scene.hasLinkOrder ? ['with the order of the link'] : []),
    ...(scene.hasRebuild ? [['with a rebuild', ...scene.rebuildFlags].join(' ')] : []),
  ];
  const answers = scene.ask.flatMap((asked) => {
    const [kind = '', name = ''] = asked.split(' ');
    const answer = kind === 'global' ? lookup.global(name) : lookup.local(name, typeOf(kind));
    const lines = describe(answer, { name, object: objectOf(scene.object), objectName });
    return [
      asked,
      ...namesakes(table, name).map((line) => `    in the target: ${line}`),
      ...lines.map((line) => `    ${line}`),
    ];
  });
  return [scene.title, `  ${about.join('; ')}`, ...answers.map((line) => `  ${line}`), ''].join('\n');
}

async function link(objects: readonly string[], file: string, { isVmlinux }: Scene): Promise<string> {
  const way = isVmlinux ? ['-e', '0', '--unresolved-symbols=ignore-all'] : ['-r'];
  await run('ld', [...way, '-o', file, ...objects]);
  return file;
}

async function readTable(file: string): Promise<TargetTable> {
  return tableOfImage(readImage(await readFile(file), file));
}

/** `printk vmlinux` */
function exportOf(text: string): ExportedSymbol {
  const [name = '', moduleName = ''] = text.split(' ');
  return { name, crc: 1, module: moduleName, moduleName, namespace: '', exportType: 'EXPORT_SYMBOL_GPL' };
}

function typeOf(kind: string): number {
  return kind === 'data' ? STT.OBJECT : STT.FUNC;
}

/** What a person would count: every symbol of the name, in the order of the table. */
function namesakes(table: TargetTable, name: string): string[] {
  return table.named(name).map(({ bind, type, place, file }) => {
    const where = typeof place === 'string' ? place : `in ${place.name}`;
    const what = [
      bind === 0 ? 'local' : 'global',
      type === STT.OBJECT ? 'data' : type === STT.FUNC ? 'function' : 'symbol',
    ];
    return [...what, where, ...(file === undefined ? [] : [`of ${file.name}`])].join(' ');
  });
}

function describe(answer: LookupAnswer, asked: { name: string; object: string; objectName: string }): string[] {
  if (answer.kind !== 'found') {
    const finding = describeUnresolved(asked, answer);
    const lines =
      finding === undefined ? [] : [`${finding.code}: ${finding.what}`, ...finding.details.map((line) => `  ${line}`)];
    return lines.map(withoutSizes);
  }
  const { symbol, level, isExported, evidence } = answer;
  const name = symbol.name === asked.name ? '' : ` as ${symbol.name}`;
  return [
    `found in ${symbol.object}${name} at position ${symbol.sympos}${isExported ? ', exported' : ''}`,
    withoutSizes(`level ${level}: ${evidence}`),
  ];
}

/** Sizes and addresses are the compiler's business. */
function withoutSizes(text: string): string {
  return text
    .replaceAll(/\d+ bytes/g, '… bytes')
    .replaceAll(/instead of \d+/g, 'instead of …')
    .replaceAll(/0x[0-9a-f]+/g, '0x…');
}
