/** What this machine has and lacks for building, whatever kernel it is for. */
import { arch, release as runningRelease } from 'node:os';
import path from 'node:path';
import { KptoolError } from '../diagnostics/diagnostic.js';
import { type BuildProgram, buildPrograms } from '../kernel/build-programs.js';
import { type RunningKernel, readRunningKernel, refusesUnsigned } from '../kernel/running-kernel.js';
import { thisDistribution } from '../system/distribution.js';
import { requireRoomBelow } from '../system/files.js';
import { findProgram } from '../system/find-program.js';
import { freeSpace } from '../system/free-space.js';
import { howToInstall } from '../system/packages.js';
import { runProgram } from '../system/run.js';
import { plannedWorkFolder } from '../system/work-folder.js';
import { findingsOf } from './all-findings.js';
import { type Fact, factOf } from './facts.js';

export interface MachineQuestion {
  readonly makeArguments: readonly string[];
  /** Absolute. */
  readonly cache: string;
  /** Where /sys lies; `/` unless a test says otherwise. */
  readonly root?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reads, and runs programs with `--version` only. Throws `interrupted`. */
export async function gatherMachineFacts(question: MachineQuestion): Promise<Fact[]> {
  const { makeArguments, cache, root, signal } = question;
  const [programs, room, running] = await Promise.all([
    Promise.all(buildPrograms(makeArguments).map((program) => programFact(program, signal))),
    cacheFact(cache),
    readRunningKernel(root),
  ]);
  const name = thisDistribution().name || 'a distribution that does not say its name';
  return [
    { subject: 'system', state: 'found', text: `${name}, ${arch()}, Linux ${runningRelease()}` },
    { subject: 'node', state: 'found', text: `${process.versions.node}, ${process.execPath}` },
    ...programs,
    room,
    loadingFact(running),
  ];
}

/** In milliseconds; none of these programs thinks about its version. */
const timeout = 10_000;

async function programFact({ name, purpose }: BuildProgram, signal: AbortSignal | undefined): Promise<Fact> {
  const found = await findProgram(name);
  if (found === undefined) {
    const advice = `install ${name}, or add its folder to PATH`;
    return { subject: name, state: 'missing', text: purpose, install: howToInstall(name), advice };
  }
  const version = await versionOf(found, signal);
  return { subject: name, state: 'found', text: version === undefined ? found : `${version}, ${found}` };
}

/** The first number in the first line of `--version`; mawk has no such option, and other programs may be broken. */
async function versionOf(program: string, signal: AbortSignal | undefined): Promise<string | undefined> {
  try {
    const call = { program, arguments: ['--version'], directory: '/', timeout, signal };
    const { exitStatus, stdout } = await runProgram(call);
    return exitStatus === 0 ? /\d+(?:\.\d+)+/.exec(stdout.split('\n')[0] ?? '')?.[0] : undefined;
  } catch (error) {
    if (error instanceof KptoolError && !error.diagnostics.some(({ code }) => code === 'interrupted')) return undefined;
    throw error;
  }
}

const gigabyte = 1024 ** 3;

async function cacheFact(cache: string): Promise<Fact> {
  const folder = path.dirname(await plannedWorkFolder(path.join(cache, 'work'), 'doctor'));
  const subject = 'work folders';
  const [free, problems] = await Promise.all([freeSpace(folder), findingsOf(() => requireRoomBelow(folder))]);
  const [problem] = problems;
  if (problem !== undefined) return factOf(subject, problem);
  return {
    subject,
    state: 'found',
    text: free === undefined ? folder : `${folder}, ${(free / gigabyte).toFixed(1)} GB free`,
  };
}

/** Whether the kernel that runs here would load a livepatch, and one that nobody signed. */
function loadingFact(running: RunningKernel): Fact {
  const { hasLivepatching, lockdown, secureBoot, enforcesSignatures } = running;
  const said = [
    hasLivepatching ? 'has livepatching' : 'shows no livepatching',
    ...(enforcesSignatures === undefined ? [] : [`${enforcesSignatures ? 'has' : 'has no'} module.sig_enforce`]),
    ...(lockdown === undefined ? [] : [`lockdown is ${lockdown}`]),
    ...(secureBoot === undefined ? [] : [`Secure Boot is ${secureBoot ? 'on' : 'off'}`]),
  ].join(', ');
  const subject = 'loading';
  if (!refusesUnsigned(running)) return { subject, state: 'found', text: `the running kernel ${said}` };
  const advice = 'sign livepatches that shall be loaded here, see docs/rules/signature-required.md';
  return {
    subject,
    state: 'note',
    text: `the running kernel ${said}, and refuses modules that are not signed`,
    advice,
  };
}
