/** Runs kptool as a user does: the built program, its exit status and what it says with --json. */
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { z } from 'zod';

const root = fileURLToPath(new URL('../../', import.meta.url));
export const program = `${root}dist/main.js`;

const diagnosticSchema = z.looseObject({
  ...{ code: z.string(), severity: z.string(), what: z.string(), why: z.string(), fix: z.string() },
  details: z.array(z.string()),
});

/** What the tests read of the document; docs/json.md describes all of it. */
const documentSchema = z.looseObject({
  schema: z.literal('kptool/1'),
  outcome: z.string(),
  exitStatus: z.number(),
  file: z.string().nullable(),
  name: z.string().nullable(),
  objects: z.array(
    z.looseObject({
      object: z.string(),
      module: z.string(),
      changedFunctions: z.array(z.string()),
      newFunctions: z.array(z.string()),
      newData: z.array(z.string()),
      callbacks: z.array(z.looseObject({ kind: z.string(), function: z.string() })),
    }),
  ),
  diagnostics: z.array(diagnosticSchema),
  workFolder: z.string().nullable(),
  bundle: z.string().nullable(),
  modules: z.array(
    z.looseObject({ name: z.string(), verification: z.looseObject({ verdict: z.string() }).nullable() }),
  ),
});

export type CliDocument = z.output<typeof documentSchema>;

/** How a run of kptool ended. */
export interface CliRun {
  readonly exitStatus: number | undefined;
  readonly document: CliDocument;
  /** Progress and messages, for the text of a failed test. */
  readonly messages: string;
}

/**
 * Runs `kptool build --json` with further arguments, away from the configuration in this project's root. Throws when
 * standard output is not the document alone.
 */
export async function runBuild(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<CliRun> {
  const bundle = words.includes('--bundle') ? [] : ['--no-bundle'];
  const run = await execa('node', [program, 'build', '--json', ...bundle, ...words], {
    cwd: tmpdir(),
    env: environment,
    reject: false,
    stdin: 'ignore',
    timeout: 600_000,
  });
  const parsed = documentSchema.safeParse(parseJson(run.stdout));
  if (!parsed.success) {
    throw new Error(
      `kptool build ${words.join(' ')} gave no document (status ${run.exitCode})\n${run.stdout}\n${run.stderr}`,
    );
  }
  return { exitStatus: run.exitCode, document: parsed.data, messages: run.stderr };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
