/**
 * Holds the layers of src/: which folder may import which, where a library has its home, who may print. The table is the
 * one of the design; a new folder or package must be entered here before it can be used.
 */

export interface SourceFile {
  /** Relative to src/, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** One broken rule, as `src/diff/compare.ts:12: what is wrong`. */
export type Violation = string;

/** In the order in which data passes through them. A stage may name the types of those before it. */
const stages = ['kernel', 'patch', 'kbuild', 'lookup', 'diff', 'livepatch'];

/** What a folder may import and call, beside itself. */
const calls: Readonly<Record<string, readonly string[]>> = {
  'main.ts': ['cli'],
  cli: ['pipeline', 'diagnostics'],
  pipeline: [...stages, 'arch', 'elf', 'system', 'diagnostics'],
  kernel: ['system', 'elf', 'diagnostics'],
  patch: ['system', 'elf', 'diagnostics'],
  kbuild: ['system', 'elf', 'diagnostics'],
  lookup: ['arch', 'elf', 'diagnostics'],
  diff: ['arch', 'elf', 'diagnostics'],
  livepatch: ['arch', 'elf', 'diagnostics'],
  arch: ['elf', 'diagnostics'],
  elf: ['diagnostics'],
  system: ['diagnostics'],
  diagnostics: [],
};

/** Types that a folder may name beyond what it calls: the command line words whatever it shows. */
const typesOnly: Readonly<Record<string, readonly string[]>> = { cli: [...stages, 'elf'] };

/** Bytes in, values out. */
const withoutInputOutput = ['lookup', 'diff', 'livepatch', 'arch', 'elf', 'diagnostics'];
/** Parts of Node that compute and touch nothing; `node:module` loads a library when it is wanted. */
const pureModules = [
  'node:assert',
  'node:buffer',
  'node:crypto',
  'node:module',
  'node:path',
  'node:path/posix',
  'node:util',
  'node:zlib',
];

/** Where a package may be imported. */
const homes: Readonly<Record<string, readonly string[]>> = {
  execa: ['system'],
  yargs: ['cli'],
  listr2: ['cli'],
  tar: ['system'],
  zod: ['cli', 'pipeline'],
  'iced-x86': ['arch'],
};

const emptyNames = /^(utils?|helpers?|common|core|shared|misc|lib|types?)$/;

/** All violations in all files. */
export function checkLayers(files: readonly SourceFile[]): Violation[] {
  return files.flatMap((file) => [...checkPath(file.path), ...checkImports(file), ...checkGlobals(file)]);
}

function folderOf(path: string): string {
  return path.split('/')[0] ?? path;
}

function checkPath(path: string): Violation[] {
  const parts = path.split('/');
  const name = (parts.at(-1) ?? '').replace(/\.ts$/, '');
  const found: Violation[] = [];
  if (calls[folderOf(path)] === undefined) found.push(`src/${path}:1: ${folderOf(path)} is not a folder of the design`);
  if ([...parts.slice(0, -1), name].some((part) => emptyNames.test(part))) {
    found.push(`src/${path}:1: the name says nothing; a helper lives with its user, or under a name of its own`);
  }
  if (name === 'index') found.push(`src/${path}:1: no barrel files; import from the file that defines the thing`);
  return found;
}

interface Import {
  readonly line: number;
  readonly specifier: string;
  readonly isType: boolean;
}

/** `import(name)`, `require(name)`; a `createRequire` whose result has no name that could be followed. */
const unreadableImport = /\b(?:import|require)\s*\((?!\s*['"])|\bcreateRequire\s*\((?!import\.meta\.url\)\s*;)/g;

function checkImports({ path, text }: SourceFile): Violation[] {
  const code = withoutComments(text);
  const found: Violation[] = [];
  for (const { line, specifier, isType } of findImports(code)) {
    const problem = specifier.startsWith('.')
      ? checkRelativeImport(path, specifier, isType)
      : checkPackageImport(folderOf(path), specifier);
    if (problem !== undefined) found.push(`src/${path}:${line}: ${problem}`);
  }
  for (const match of withoutStrings(code).matchAll(unreadableImport)) {
    found.push(`src/${path}:${lineAt(code, match.index)}: what is imported must be readable: import('…') with a text`);
  }
  return found;
}

function checkRelativeImport(path: string, specifier: string, isType: boolean): string | undefined {
  if (!specifier.endsWith('.js')) return `"${specifier}" must end with .js`;
  const parts = path.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') {
      if (parts.pop() === undefined) return `"${specifier}" leaves src/`;
    } else if (part !== '.') {
      parts.push(part);
    }
  }
  const from = folderOf(path);
  const to = parts[0] ?? '';
  if (from === to || calls[from]?.includes(to)) return undefined;
  if (typesOnly[from]?.includes(to) || (stages.indexOf(to) < stages.indexOf(from) && stages.includes(to))) {
    return isType ? undefined : `${from} may only \`import type\` from ${to}; the pipeline hands values on`;
  }
  return `${from} may not import ${to}`;
}

function checkPackageImport(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('node:')) {
    if (from === 'diagnostics') return 'diagnostics imports nothing outside itself';
    const isAllowed = !withoutInputOutput.includes(from) || pureModules.includes(specifier);
    return isAllowed ? undefined : `${from} does no input or output, so it may not import ${specifier}`;
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  const home = homes[name];
  if (home === undefined) return `the package ${name} has no home in the table of this test`;
  return home.includes(from) ? undefined : `${name} belongs in ${home.join(' and ')} only`;
}

/** Static, side-effect, re-exporting and dynamic imports of code without comments. */
function findImports(code: string): Import[] {
  const found: Import[] = [];
  const statement =
    /(?:^|[;}\n])[ \t]*(?:import|export)\b(?<clause>[^'"`;=(]*?)\bfrom\s*(?<quote>['"])(?<specifier>[^'"]+)\k<quote>/g;
  for (const match of code.matchAll(statement)) {
    const { clause = '', specifier = '' } = match.groups ?? {};
    found.push({ line: lineAt(code, match.index + match[0].length), specifier, isType: isTypeClause(clause) });
  }
  for (const match of code.matchAll(/\b(?:import\s*\(?|require\s*\()\s*(?<quote>['"])(?<specifier>[^'"]+)\k<quote>/g)) {
    const specifier = match.groups?.specifier ?? '';
    found.push({ line: lineAt(code, match.index), specifier, isType: false });
  }
  return found;
}

/** `type { A }`, `{ type A, type B }`, but not `{ type A, b }` or `c, { type A }`. */
function isTypeClause(clause: string): boolean {
  if (/^\s*type\b(?!\s*,|\s*$)/.test(clause)) return true;
  const names = /^\s*\{(?<names>[^}]*)\}\s*$/.exec(clause)?.groups?.names?.split(',') ?? [];
  const given = names.map((name) => name.trim()).filter((name) => name !== '');
  return given.length > 0 && given.every((name) => name.startsWith('type '));
}

function checkGlobals({ path, text }: SourceFile): Violation[] {
  const code = withoutStrings(withoutComments(text));
  const folder = folderOf(path);
  const rules: readonly (readonly [RegExp, boolean, string])[] = [
    [/\bprocess\s*\.\s*exit\b/g, false, 'process.exit is used nowhere: it cuts output off; return the exit status'],
    [/\bprocess\s*\.\s*exitCode\b/g, path === 'main.ts', 'only main.ts sets the exit status'],
    [/\bconsole\s*\./g, folder === 'cli', 'only cli prints'],
    [/\bprocess\s*\.\s*(?:stdout|stderr)\b/g, folder === 'cli', 'only cli prints'],
    [/\bprocess\s*\./g, !withoutInputOutput.includes(folder), `${folder} does no input or output`],
    [/\bexport\s+default\b/g, false, 'no default exports: a thing has one name everywhere'],
  ];
  return rules.flatMap(([pattern, isAllowed, problem]) =>
    isAllowed ? [] : [...code.matchAll(pattern)].map((match) => `src/${path}:${lineAt(code, match.index)}: ${problem}`),
  );
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** The text with comments as spaces; line numbers stay. Quoted text is passed over, so `'http://x'` is no comment. */
function withoutComments(text: string): string {
  const token = /(?<kept>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(token, (match, kept: string | undefined) => kept ?? blank(match));
}

/** The same for what stands between quotes; the quotes, and code in templates (`${…}`), stay. */
function withoutStrings(code: string): string {
  return code
    .replace(/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, (quoted) => quoted[0] + blank(quoted.slice(1, -1)) + quoted[0])
    .replace(/`(?:\\.|[^`\\])*`/g, (match) =>
      match.replace(/(?<kept>\$\{[^}]*\})|[^\n]/g, (part, kept: string | undefined) => kept ?? blank(part)),
    );
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ');
}
