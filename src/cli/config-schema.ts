/**
 * What may stand in `kpatch.config.json`. The JSON Schema for editors (docs/kpatch.config.schema.json) is generated from
 * here by `npm run config-schema`; the descriptions are shown by editors.
 */
import { z } from 'zod';
import { ruleIds } from '../diagnostics/rules.js';
import { isNamePattern } from '../pipeline/options.js';
import { ruleLevels } from '../pipeline/rule-levels.js';

const isInTree = (path: string) => !path.startsWith('/') && !path.split('/').includes('..');

const makeStep = z
  .strictObject({
    directory: z
      .string()
      .min(1)
      .refine(isInTree, 'it must be a folder in the tree, named without a leading / and without ..')
      .describe('Folder of the tree: M= of a make call, or where the command runs. Default: the tree itself.')
      .optional(),
    arguments: z
      .array(
        z
          .string()
          .min(1)
          .refine((word) => !word.startsWith('-'), 'make takes variables and goals here, not options'),
      )
      .describe('Variables and goals after `make -C BUILD M=DIR`. Default: the goal "modules".')
      .optional(),
    command: z
      .array(z.string().min(1))
      .min(1)
      .describe(
        'A program of the tree and its arguments, in place of make. {build}, {tree}, {release} and {jobs} are replaced.',
      )
      .optional(),
  })
  .refine((step) => step.arguments === undefined || step.command === undefined, {
    message: 'a step is either a call of make with "arguments", or a "command"; this one has both',
  })
  .describe('One call of make, or of a program of the tree, that builds the modules.');

const namePattern = (examples: string) =>
  z
    .string()
    .refine(
      isNamePattern,
      `it must be a name with # for a number, or * (once) for any text, such as ${examples}; not a regular expression`,
    );

export const configSchema = z
  .strictObject({
    $schema: z.string().describe('Where editors find the description of this file.').optional(),
    kernel: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._+~-]*$/, 'it must be a kernel release, as `uname -r` prints it')
      .describe('Release of the kernel that will load the livepatch, as `uname -r` prints it there.')
      .optional(),
    buildDirectory: z
      .string()
      .min(1)
      .describe('Build tree of that kernel, where it is not /lib/modules/RELEASE/build.')
      .optional(),
    sourcedir: z
      .string()
      .min(1)
      .describe(
        'Source of the kernel, where the patches are for it. Default without oot.dir: the installed source package.',
      )
      .optional(),
    sourceArchive: z.string().min(1).describe('The source of the kernel, packed.').optional(),
    vmlinux: z
      .string()
      .min(1)
      .describe(
        'Where the kernel’s own symbols are: vmlinux, System.map or the boot image. Default: what is installed.',
      )
      .optional(),
    oot: z
      .strictObject({
        dir: z.string().min(1).describe('Source of the out-of-tree modules.').optional(),
        modules: z.array(z.string().min(1)).describe('The modules as they run (.ko files).').optional(),
        extraSymvers: z
          .array(z.string().min(1))
          .describe('Module.symvers files of other trees whose modules export symbols to these.')
          .optional(),
        make: z.array(makeStep).min(1).describe('How the tree is built, step by step.').optional(),
        makeArguments: z
          .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*=/, 'it must have the form VAR=VALUE'))
          .describe('Variables (VAR=VALUE) for every call of make.')
          .optional(),
      })
      .describe('The out-of-tree modules to be patched. Not used when --oot names another folder.')
      .optional(),
    lookup: z
      .strictObject({
        driftingNames: z
          .array(
            namePattern('"__my_id_#"').refine(
              (pattern) => pattern.includes('#'),
              'it needs a # where the number stands',
            ),
          )
          .describe(
            'Names that a macro of the tree numbers anew in each build, with # for the number ("__my_id_#"). What the ' +
              'compiler and the kernel number (state.0, __UNIQUE_ID_…) is known.',
          )
          .optional(),
        companionNames: z
          .array(namePattern('"__my_tool_*"'))
          .describe(
            'Names that a tool puts beside symbols after compiling, with * for the symbol ("__my_tool_*"), as objtool does ' +
              'with __pfx_*. They say nothing about where an object lies in the target.',
          )
          .optional(),
      })
      .describe('How symbols of the built objects are found in the target.')
      .optional(),
    name: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,55}$/, 'it must be 1 to 55 letters, digits, dashes and underscores')
      .describe('Name of the livepatch. Default: livepatch-, and the name of the first patch file.')
      .optional(),
    output: z.string().min(1).describe('Folder that receives the .ko. Default: the working directory.').optional(),
    jobs: z.int().min(1).max(4096).describe('How many compilers run at a time. Default: one a CPU.').optional(),
    timeout: z
      .int()
      .min(1)
      .max(1_000_000)
      .describe('Seconds after which a call of make is ended. Default: none is.')
      .optional(),
    maxObjects: z
      .int()
      .min(1)
      .max(999_999)
      .describe('How many objects of the kernel a build may compile. Default: 200.')
      .optional(),
    replace: z.boolean().describe('Whether the livepatch replaces those that are loaded. Default: true.').optional(),
    skipCompilerCheck: z
      .boolean()
      .describe('Go on although the compiler is not the one that built the kernel. Default: false.')
      .optional(),
    rules: z
      .partialRecord(z.enum(ruleIds), z.enum(ruleLevels))
      .describe('How much each rule weighs. The rules are described in docs/rules.')
      .optional(),
    skipTargetCheck: z
      .boolean()
      .describe('Go on although the modules that run have other code than the source gives. Default: false.')
      .optional(),
    bundle: z
      .union([z.string().min(1), z.literal(false)])
      .describe('Folder for the bundle of a failed build; false: none is left. Default: the working directory.')
      .optional(),
    cache: z
      .string()
      .min(1)
      .describe('Folder for work folders and caches. Default: $XDG_CACHE_HOME/kptool or ~/.cache/kptool.')
      .optional(),
  })
  .describe('Settings of kptool. Paths are relative to this file; options of the command line win.');

export type Config = z.infer<typeof configSchema>;

/** The JSON Schema (draft 2020-12) of the configuration file, as docs/kpatch.config.schema.json holds it. */
export function configSchemaText(): string {
  const schema = { ...z.toJSONSchema(configSchema), title: 'kpatch.config.json' };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}
