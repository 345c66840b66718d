/** Small trees that are built against the newest installed kernel headers, as the pipeline would build them. */
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { buildTree, type TreeBuild, type TreeQuestion } from '../../../src/kbuild/build-tree.js';
import type { MakeStep } from '../../../src/kbuild/make-step.js';
import { planBuild } from '../../../src/kbuild/make-steps.js';
import { buildLivepatchModule } from '../../../src/kbuild/module.js';
import { checkCompiler, type InstalledCompiler } from '../../../src/kernel/compiler.js';
import { resolveKernel, type TargetKernel } from '../../../src/kernel/resolve.js';
import { newestKernel } from '../../boot/kernels.js';
import { temporaryFolder } from '../kernel/target.js';

export interface Target {
  readonly kernel: TargetKernel;
  readonly compiler: InstalledCompiler;
}

/** The kernel to build for. Throws where there are no headers. */
export async function installedTarget(): Promise<Target> {
  const kernel = await resolveKernel({ requested: newestKernel('6.1')?.release, modules: [] });
  const { compiler } = await checkCompiler({ kernel, makeArguments: [], modules: [], skipCheck: false });
  return { kernel, compiler };
}

export type Files = Readonly<Record<string, string>>;

export async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text, { mode: name.endsWith('.sh') ? 0o755 : 0o644 });
  }
}

/** A user's tree and its private copy, with which `build` can be called for one side after the other. */
export interface Bench {
  readonly original: string;
  readonly copy: string;
  readonly target: Target;
  build(question?: Partial<TreeQuestion>): Promise<TreeBuild>;
}

/** `source` is a folder to copy, or the files of a tree. */
export async function setUpTree(source: string | Files, configured?: readonly MakeStep[]): Promise<Bench> {
  const target = await installedTarget();
  const folder = await temporaryFolder();
  const original = path.join(folder, 'user');
  const copy = path.join(folder, 'copy');
  if (typeof source === 'string') await cp(source, original, { recursive: true });
  else await writeFiles(original, source);
  await cp(original, copy, { recursive: true });
  const { release, architecture } = target.kernel;
  return {
    original,
    copy,
    target,
    build: async (question = {}) =>
      buildTree({
        side: 'original',
        tree: copy,
        originalTree: original,
        plan: await planBuild({ tree: original, configured, release, architecture: architecture.name }),
        ...target,
        makeArguments: [],
        jobs: 2,
        folder: path.join(folder, 'build'),
        ...question,
      }),
  };
}

/** Builds the files as a tree of the user's. */
export async function buildFiles(files: Files, question: Partial<TreeQuestion> = {}, configured?: readonly MakeStep[]) {
  const { build } = await setUpTree(files, configured);
  return build(question);
}

/** A module that loads and does nothing. `body` stands before it. */
export const moduleSource = (body = '') => `#include <linux/module.h>
${body}
static int __init start(void) { return 0; }
static void __exit stop(void) {}
module_init(start);
module_exit(stop);
MODULE_LICENSE("GPL");
`;

/** A livepatch module out of one source and no objects. */
export async function buildModule(source: string, name = 'livepatch-test'): Promise<Uint8Array> {
  const target = await installedTarget();
  const folder = path.join(await temporaryFolder(), 'module');
  return readFile(await buildLivepatchModule({ folder, name, ...target, objects: [], source, jobs: 1 }));
}
