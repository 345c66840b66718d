/** The form of a bundle's `manifest.json`. docs/bundles.md describes it; a change that breaks its readers changes `schema`. */
import { z } from 'zod';
import { buildSteps } from '../build-steps.js';
import { diagnosticSchema } from '../diagnostic-schema.js';
import { versionsSchema } from '../kept-objects.js';
import { ruleLevels } from '../rule-levels.js';

/** Path of a file in the bundle. */
const file = z.string().min(1);
const text = z.string();
const texts = z.array(text);
const sizes = z.record(text, z.int().positive());

const moduleObjects = z.array(z.object({ file: text, module: text, objects: texts }));

/** The input of the step `diff`, but for what lies in files. */
export const comparisonSchema = z.object({
  pairs: z.array(z.object({ object: text, modules: texts, original: file.optional(), patched: file })),
  targets: z.array(
    z.object({
      name: text,
      chosenBy: text,
      wasSeen: z.boolean(),
      path: text,
      file,
      isTable: z.literal(true).optional(),
      /** Of vmlinux: what of its code was looked at. */
      code: file.optional(),
    }),
  ),
  /** Modules that the unpatched source was built to. */
  built: z.array(z.object({ path: text, file })),
  /** The answers of a rebuild without section flags, where one was asked for. */
  rebuilt: z.array(z.object({ module: text, file: file.optional(), objects: moduleObjects })),
  linked: moduleObjects,
  versions: z.object({ original: versionsSchema, patched: versionsSchema }),
  entrySizes: sizes,
  explain: z.boolean(),
  names: z.object({ drifting: texts, companions: texts }),
  release: text,
  skipCheck: z.boolean(),
  skipCompilerCheck: z.boolean(),
  touched: z.object({
    functions: texts,
    headerFunctions: texts,
    // Bundles that were made before it was looked at do not have it.
    users: texts.default([]),
    touchesMore: z.boolean(),
    mayChangeTypes: z.boolean(),
  }),
  rules: z.array(z.tuple([text, z.enum(ruleLevels)])),
});

/** The input of the step `finish`, but for what lies in files. */
export const finishSchema = z.object({
  linked: file,
  machine: z.int(),
  release: text,
  vermagic: text.optional(),
  functions: z.array(z.object({ object: text, name: text, sympos: z.int() })),
  callbacks: z.array(z.object({ object: text, kind: text, name: text })),
  entrySizes: sizes,
});

const invocation = z.object({ program: text, arguments: texts, directory: text });

/** A call of make that failed: what it printed, and what its judgement knows besides. */
export const judgedSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('side'),
    output: file,
    failed: z.object({ side: z.enum(['original', 'patched']), tree: text, log: text, rules: texts, invocation }),
  }),
  z.object({ kind: z.literal('link'), output: file, log: text }),
]);

/** A call of the compiler, and its preprocessed source where the bundle has it. */
export const compiledSchema = z.object({
  side: z.enum(['original', 'patched']),
  source: text,
  object: text,
  directory: text,
  arguments: texts,
  preprocessed: file.optional(),
});

export const manifestSchema = z.object({
  schema: z.literal('kptool-bundle/1'),
  /** The version of kptool that wrote it. */
  version: text,
  /** The livepatch's name. */
  name: text,
  /** In which step the build failed. */
  step: z.enum(buildSteps),
  /** What it failed with, as it was told. */
  diagnostics: z.array(diagnosticSchema),
  /** What the diagnostics were worded from; `null` for one that was put together otherwise. */
  facts: z.array(z.object({ code: text, details: z.unknown() }).nullable()),
  /** Whether the failure lies in what the step computes, and not in the machine that it ran on. */
  isComputed: z.boolean(),
  commandLine: texts,
  configuration: z.record(text, z.unknown()),
  tools: z.record(text, text),
  kernel: z.object({ release: text, chosenBy: text, config: file.optional() }),
  compiler: texts,
  patches: z.array(z.object({ file, path: text, strip: z.int(), files: z.array(z.tuple([z.int(), text])) })),
  commands: z.array(compiledSchema),
  comparison: comparisonSchema.optional(),
  finish: finishSchema.optional(),
  /** `Module.symvers` with what the steps `diff` and `finish` know of exports. */
  exports: z.object({ diff: file.optional(), finish: file.optional() }),
  judged: judgedSchema.optional(),
  /** SHA-256 of every other file. */
  hashes: z.record(file, text),
});

export type Manifest = z.output<typeof manifestSchema>;

/** As it is written, with what `undefined` leaves out. */
export type ManifestInput = z.input<typeof manifestSchema>;
