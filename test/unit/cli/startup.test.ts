/** create-diff-object is run once an object: what it loads before it starts is part of every build's time. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const src = new URL('../../../src/', import.meta.url);

/** Packages that the file at `path` (relative to src/) loads, and those that its imports load; dynamic imports wait. */
function packagesLoadedBy(path: string): Set<string> {
  return new Set([...modulesLoadedBy(path)].filter((name) => !name.startsWith('node:')));
}

/** The same with the modules of Node. */
function modulesLoadedBy(path: string, seen = new Set<string>()): Set<string> {
  const modules = new Set<string>();
  if (seen.has(path)) return modules;
  seen.add(path);
  const text = readFileSync(new URL(path, src), 'utf8');
  for (const match of text.matchAll(/^(?:import|export)\s+(?!type\b)[^'"`;]*?from\s+'([^']+)'/gm)) {
    const specifier = match[1] ?? '';
    if (specifier.startsWith('.')) {
      const file = new URL(specifier.replace(/\.js$/, '.ts'), new URL(path, src)).href.slice(src.href.length);
      for (const name of modulesLoadedBy(file, seen)) modules.add(name);
    } else {
      modules.add(specifier);
    }
  }
  return modules;
}

test('the walk sees what a file loads through others', () => {
  expect(packagesLoadedBy('cli/command-line.ts')).toContain('yargs');
  expect(packagesLoadedBy('pipeline/build.ts')).toContain('execa');
});

test('kptool starts without a package', () => {
  expect([...packagesLoadedBy('main.ts')]).toEqual([]);
});

test('create-diff-object starts without a package, too: the instruction decoder is loaded when it is needed', () => {
  expect([...packagesLoadedBy('cli/create-diff-object-command.ts')]).toEqual([]);
});

test('create-diff-object starts without the costly parts of Node', () => {
  const costly = ['node:crypto', 'node:stream/promises', 'node:child_process', 'node:util'];
  const loaded = [...modulesLoadedBy('cli/create-diff-object-command.ts')];
  expect(loaded).toContain('node:fs/promises');
  expect(loaded.filter((name) => costly.includes(name))).toEqual([]);
});
