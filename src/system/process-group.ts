/**
 * Ends a program together with all that it started. make starts shells that start compilers; ending make alone leaves
 * them writing. Programs therefore lead a process group of their own, and the group is what signals go to.
 */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** How long a group may tidy up after SIGTERM before SIGKILL, in milliseconds. make removes half-written targets then. */
const graceTime = 2000;
/** How long SIGKILL may take, in milliseconds: on a busy machine the kernel gets round to it later. */
const killTime = 10_000;
const pollTime = 20;

/** Groups that run, so that no exit of kptool, however early, leaves one behind. */
const runningGroups = new Set<number>();
let hasExitHook = false;

/** Signals the group that `leader` leads; false when it has no member left. Signal 0 only asks. */
function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leader, signal);
    return true;
  } catch {
    return false;
  }
}

/** Notes that `leader` leads a group which must not outlive kptool. */
export function trackGroup(leader: number): void {
  runningGroups.add(leader);
  if (hasExitHook) return;
  hasExitHook = true;
  process.on('exit', () => {
    for (const group of runningGroups) signalGroup(group, 'SIGKILL');
  });
}

/** Notes that the group's work is done; its number may be given to somebody else from now on. */
export function forgetGroup(leader: number): void {
  runningGroups.delete(leader);
}

/** Ends the group: SIGTERM, then SIGKILL for what is left after two seconds. Returns when no member runs. */
export async function endGroup(leader: number): Promise<void> {
  if (!signalGroup(leader, 'SIGTERM')) return;
  // A stopped process (Ctrl-Z) gets SIGTERM only when it continues.
  signalGroup(leader, 'SIGCONT');
  if (await groupIsGone(leader, graceTime)) return;
  signalGroup(leader, 'SIGKILL');
  await groupIsGone(leader, killTime);
}

/**
 * Ends the groups that an earlier kptool started and, since it was killed, did not end: those whose leader was called with one of
 * `words`, which must be such that no other program is (`--directory=/home/ann/.cache/kptool/kernels/6.1.0-56-amd64-…/tree`).
 */
export async function endForsakenGroups(words: readonly string[]): Promise<void> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry) || runningGroups.has(Number(entry))) continue;
    const line = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
    const isMeant = line.split('\0').some((word) => words.includes(word));
    if (isMeant && (await leadsGroup(entry))) await endGroup(Number(entry));
  }
}

async function leadsGroup(entry: string): Promise<boolean> {
  return (await factsOf(entry)).group === entry;
}

/** By the clock: where much runs, asking takes longer than waiting. */
async function groupIsGone(leader: number, milliseconds: number): Promise<boolean> {
  const end = performance.now() + milliseconds;
  do {
    if (!signalGroup(leader, 0) || !(await hasLivingMember(leader))) return true;
    await delay(pollTime);
  } while (performance.now() < end);
  return false;
}

/**
 * Whether a member of the group still does something. One that has ended but whose parent never asks for its exit
 * status (a zombie; in containers nobody may ask) is a member still, and signals seem to reach it.
 */
async function hasLivingMember(leader: number): Promise<boolean> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const { state, group } = await factsOf(entry);
    if (group === String(leader) && state !== 'Z' && state !== 'X') return true;
  }
  return false;
}

/** Of a process; empty where it is gone. */
async function factsOf(
  entry: string,
): Promise<{ readonly state?: string | undefined; readonly group?: string | undefined }> {
  const text = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
  // After the name in parentheses: state, parent, process group.
  const [state, , group] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state, group };
}
