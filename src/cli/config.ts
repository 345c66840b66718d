/** Finds and reads `kpatch.config.json`; everything that is wrong in it is told at once. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import type { z } from 'zod';
import { diagnose, fail } from '../diagnostics/catalogue.js';
import { type Diagnostic, KptoolError } from '../diagnostics/diagnostic.js';
import { ruleIds } from '../diagnostics/rules.js';
import { type Config, configSchema } from './config-schema.js';
import { nearest } from './nearest.js';

const configFileName = 'kpatch.config.json';

export interface ConfigFile {
  /** Absolute. */
  readonly file: string;
  readonly config: Config;
}

/**
 * The configuration that holds for a run in `workingDirectory` (absolute): `named` (`--config-file`), else the nearest
 * kpatch.config.json there or in a folder above; `undefined` where there is none. Throws the `usage-config-…` diagnostics.
 *
 * A configuration can name programs to run. One that is only found, say in /tmp by a build below it, must belong to one
 * of the users in `trusted`: the user of this run, root, or whose folder this is.
 */
export function readConfig(
  workingDirectory: string,
  named: string | undefined,
  trusted: readonly number[] = trustedUsers(workingDirectory),
): ConfigFile | undefined {
  if (named !== undefined) {
    const file = resolve(workingDirectory, named);
    return { file, config: checkConfig(file, readText(file)) };
  }
  for (let folder = workingDirectory; ; folder = dirname(folder)) {
    const file = join(folder, configFileName);
    const text = readTextIfThere(file);
    if (text !== undefined) {
      if (!trusted.includes(statSync(file).uid)) fail('usage-config-of-another-user', { file });
      return { file, config: checkConfig(file, text) };
    }
    if (folder === dirname(folder)) return undefined;
  }
}

/** The settings in a configuration file's text. */
export function checkConfig(file: string, text: string): Config {
  const result = configSchema.safeParse(parseJson(file, text));
  if (result.success) return result.data;
  throw new KptoolError(result.error.issues.flatMap((issue) => describeIssue(file, issue)));
}

/** The user, root, and whose the working directory is, where that can be told: of one that was entered by another user it cannot. */
function trustedUsers(workingDirectory: string): readonly number[] {
  const own = [process.getuid?.() ?? 0, 0];
  try {
    return [...own, statSync(workingDirectory).uid];
  } catch {
    return own;
  }
}

function readText(file: string): string {
  return readTextIfThere(file) ?? fail('usage-config-unreadable', { file, reason: 'there is no such file' });
}

function readTextIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, errno } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const reason =
      code === 'EISDIR' ? 'it is a folder' : (getSystemErrorMap().get(errno ?? 0)?.[1] ?? code ?? 'unknown error');
    fail('usage-config-unreadable', { file, reason });
  }
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = (error as Error).message;
    // Of some errors Node tells the place ("… in JSON at position 12"), for others it quotes the text around it.
    const position = /at position (\d+)/.exec(message)?.[1];
    const reason = message.replace(/,? *(in JSON )?at position \d+.*$/s, '').replace(/ is not valid JSON$/, '');
    fail('usage-config-not-json', {
      file,
      place: position === undefined ? '' : placeOf(text, Number(position)),
      reason,
    });
  }
}

/** `, line 2, column 3,` for an offset in characters. */
function placeOf(text: string, offset: number): string {
  const lines = text.slice(0, offset).split('\n');
  return `, line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1},`;
}

type Issue = z.core.$ZodIssue;

function describeIssue(file: string, issue: Issue): Diagnostic[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(issue.path);
    return issue.keys.map((key) => {
      const close = nearest(key, known);
      return diagnose('usage-config-unknown-key', {
        file,
        key: keyName([...issue.path, key]),
        nearest: close === undefined ? undefined : keyName([...issue.path, close]),
        known,
      });
    });
  }
  return [diagnose('usage-config-bad-value', { file, key: keyName(issue.path), problem: describeProblem(issue) })];
}

function describeProblem(issue: Issue): string {
  if (issue.code === 'invalid_type') return `It must be ${withArticle(issue.expected)}`;
  if (issue.code === 'too_small')
    return `It is too ${issue.origin === 'number' || issue.origin === 'int' ? 'small' : 'short'}; at least ${issue.minimum} is needed`;
  if (issue.code === 'too_big') return `It is too large; at most ${issue.maximum} is allowed`;
  return issue.message.charAt(0).toUpperCase() + issue.message.slice(1);
}

function withArticle(type: string): string {
  if (type === 'int') return 'a whole number';
  if (type === 'array') return 'a list ([…])';
  if (type === 'object') return 'an object ({…})';
  return type === 'boolean' ? 'true or false' : `a ${type}`;
}

/** `oot.make[0].directory`; the file as a whole is called by its brackets. */
function keyName(path: readonly PropertyKey[]): string {
  const name = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return name === '' ? '{…}' : name.replace(/^\./, '');
}

/** The settings that exist at a place of the file; the schema is asked, so that the list cannot be out of date. */
function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  const { oot, lookup } = configSchema.shape;
  if (path.length === 0) return Object.keys(configSchema.shape);
  if (path[0] === 'lookup') return Object.keys(lookup.unwrap().shape);
  if (path[0] === 'rules') return ruleIds;
  if (path.length === 1) return Object.keys(oot.unwrap().shape);
  return Object.keys(oot.unwrap().shape.make.unwrap().element.shape);
}
