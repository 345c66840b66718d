/**
 * What is known of one kernel as a target, and what this machine lacks to build for it: the checks of a build, asked one by
 * one and told as facts.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type Diagnostic, KptoolError } from '../diagnostics/diagnostic.js';
import { checkObjtool } from '../kbuild/objtool.js';
import { checkCompiler, type InstalledCompiler } from '../kernel/compiler.js';
import { fetchedFor } from '../kernel/fetched-source.js';
import {
  checkTargetRules,
  hasReliableStacks,
  signaturePolicy,
  tracksIndirectBranches,
} from '../kernel/livepatch-options.js';
import { resolveKernel, type TargetKernel } from '../kernel/resolve.js';
import { findKernelFile } from '../kernel/sealed-functions.js';
import { installedSource } from '../kernel/source-package.js';
import { findProgram } from '../system/find-program.js';
import { howToInstall, howToInstallKernel } from '../system/packages.js';
import { type Fact, factOf, isReady } from './facts.js';

export interface KernelFacts {
  readonly release: string;
  /** Its build tree; `undefined` where the headers are not usable. */
  readonly buildDirectory: string | undefined;
  /** This machine has what a build for it needs of the kernel. */
  readonly isReady: boolean;
  readonly facts: readonly Fact[];
}

export interface KernelFactsQuestion {
  readonly release: string;
  /** Where it is not `/lib/modules/RELEASE/build`. */
  readonly buildDirectory?: string | undefined;
  readonly makeArguments: readonly string[];
  /** Where installed kernels and sources lie, unless a test says otherwise. */
  readonly modulesFolder?: string | undefined;
  readonly sourceFolder?: string | undefined;
  readonly root?: string | undefined;
  /** kptool's folder, which holds what was fetched. */
  readonly cache: string;
  readonly signal?: AbortSignal | undefined;
}

/** Reads and runs `--version` only. Throws nothing that a build would refuse: that is a fact. */
export async function gatherKernelFacts(question: KernelFactsQuestion): Promise<KernelFacts> {
  const { release } = question;
  const { kernel, facts: examined } = await examineKernel(question);
  const facts =
    kernel === undefined ? examined : [...examined, await sourceFact(release, question.cache, question.sourceFolder)];
  return { release, buildDirectory: kernel?.buildDirectory, isReady: isReady(facts), facts };
}

export interface ExaminedKernel {
  /** `undefined` where no build could tell the target; the facts say why. */
  readonly kernel: TargetKernel | undefined;
  /** `undefined` where a build would refuse the compiler. */
  readonly compiler: InstalledCompiler | undefined;
  readonly facts: readonly Fact[];
}

/** The same without the source package, and with what was found beside the facts. */
export async function examineKernel(question: KernelFactsQuestion): Promise<ExaminedKernel> {
  const { release, buildDirectory, modulesFolder } = question;
  const resolved = await answerOrFindings(() =>
    resolveKernel({
      requested: release,
      buildDirectory,
      modules: [],
      ...(modulesFolder === undefined ? {} : { modulesFolder }),
    }),
  );
  if ('findings' in resolved) {
    const facts = resolved.findings.map((finding) => factOf(subjectOf(finding), finding));
    return { kernel: undefined, compiler: undefined, facts };
  }
  const kernel = resolved.answer;
  const [{ compiler, facts: compilers }, objtool, ibt, packed] = await Promise.all([
    compilerFacts(kernel, question),
    objtoolFacts(kernel),
    ibtFact(kernel, question.root),
    packedModulesFacts(release, modulesFolder),
  ]);
  const facts = [
    { subject: 'headers', state: 'found' as const, text: kernel.buildDirectory },
    ...compilers,
    ...objtool,
    ...livepatchFacts(kernel),
    ibt,
    ...packed,
  ];
  return { kernel, compiler, facts };
}

/** Headers that are not there or not whole, or a kernel that is not made for it. */
function subjectOf({ code }: Diagnostic): string {
  return code.startsWith('kernel-headers-') ? 'headers' : 'livepatching';
}

export type Outcome<Answer> = { readonly answer: Answer } | { readonly findings: readonly Diagnostic[] };

/** What a check of a build answers, or what it would refuse the build for. */
export async function answerOrFindings<Answer>(ask: () => Promise<Answer>): Promise<Outcome<Answer>> {
  try {
    return { answer: await ask() };
  } catch (error) {
    if (error instanceof KptoolError) return { findings: error.diagnostics };
    throw error;
  }
}

async function compilerFacts(
  kernel: TargetKernel,
  { makeArguments, signal }: KernelFactsQuestion,
): Promise<Pick<ExaminedKernel, 'compiler' | 'facts'>> {
  const checked = await answerOrFindings(() =>
    checkCompiler({ kernel, makeArguments, modules: [], skipCheck: false, signal }),
  );
  if ('findings' in checked) {
    return { compiler: undefined, facts: checked.findings.map((finding) => factOf('compiler', finding)) };
  }
  const { compiler, warnings } = checked.answer;
  if (warnings.length > 0) return { compiler, facts: warnings.map((finding) => factOf('compiler', finding)) };
  const [program = ''] = compiler.command;
  const text = `${compiler.versionText}, ${(await findProgram(program)) ?? program}`;
  return { compiler, facts: [{ subject: 'compiler', state: 'found', text }] };
}

function livepatchFacts(kernel: TargetKernel): Fact[] {
  const { config } = kernel;
  const rules = checkTargetRules(kernel);
  const stacks = hasReliableStacks(config) ? ', reliable stack traces' : '';
  const isChecked = signaturePolicy(config) === 'checked';
  return [
    ...(rules.some(({ code }) => code === 'kernel-not-comparable')
      ? []
      : [{ subject: 'livepatching', state: 'found' as const, text: `CONFIG_LIVEPATCH, ftrace, all symbols${stacks}` }]),
    ...rules.map((finding) => factOf(finding.code === 'signature-required' ? 'signatures' : 'livepatching', finding)),
    ...(isChecked
      ? [
          {
            subject: 'signatures',
            state: 'found' as const,
            text: 'checked, and required where the machine is locked down',
          },
        ]
      : []),
  ];
}

/** Where a patch points to a function of the kernel itself, the file tells whether the kernel lets it be called so. */
async function ibtFact({ config, release }: TargetKernel, root: string | undefined): Promise<Fact> {
  const subject = 'IBT';
  if (!tracksIndirectBranches(config)) return { subject, state: 'found', text: 'no' };
  const text = 'built for indirect branch tracking (CONFIG_X86_KERNEL_IBT)';
  const file = await findKernelFile(release, root);
  if (file !== undefined) return { subject, state: 'found', text: `${text}; ${file} lists what it closes to pointers` };
  return {
    subject,
    state: 'note',
    text: `${text}; neither its boot image nor its debug file is here, so what it closes to pointers is not known`,
    advice:
      'Only a patch that points to a function of the kernel itself needs it: install the image of that kernel too.',
  };
}

/** kbuild must let itself be told to give each object to objtool. */
async function objtoolFacts(kernel: TargetKernel): Promise<Fact[]> {
  const checked = await answerOrFindings(() => checkObjtool(kernel));
  return 'findings' in checked ? checked.findings.map((finding) => factOf('objtool', finding)) : [];
}

/** Out-of-tree modules need none. */
export async function sourceFact(release: string, cache: string, folder: string | undefined): Promise<Fact> {
  const subject = 'source package';
  const fetched = await fetchedFor(cache, release);
  if (fetched !== undefined) return { subject, state: 'found', text: `${fetched.path}, ${fetched.version}` };
  const found = await installedSource(release, folder);
  if (found !== undefined) return { subject, state: 'found', text: found };
  const install = howToInstallKernel('source', release);
  const text = 'neither fetched (kptool kernel fetch) nor installed; needed for patches to the kernel itself only';
  return { subject, state: 'absent', text, install };
}

const packers = [
  { suffix: '.ko.xz:', program: 'xz' },
  { suffix: '.ko.zst:', program: 'zstd' },
] as const;

/** The programs that unpack the installed modules of the kernel; nothing where they are not packed. */
async function packedModulesFacts(release: string, modulesFolder = '/lib/modules'): Promise<Fact[]> {
  const list = await readFile(path.join(modulesFolder, release, 'modules.dep'), 'utf8').catch(() => '');
  const used = packers.filter(({ suffix }) => list.includes(suffix));
  return Promise.all(
    used.map(async ({ program }): Promise<Fact> => {
      const found = await findProgram(program);
      if (found !== undefined) return { subject: program, state: 'found', text: `${found}, unpacks the modules` };
      return {
        subject: program,
        state: 'missing',
        text: 'unpacks the modules',
        install: howToInstall(program),
        advice: `install ${program}`,
      };
    }),
  );
}
