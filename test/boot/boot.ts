/**
 * Boots a kernel in QEMU with a small file system of our own, runs commands in it and returns what each of them said.
 * Needs qemu-system-x86 and a statically linked busybox, and no KVM: a boot takes about ten seconds.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import type { GuestResult } from './guest.js';
import { type GuestCommand, readReport } from './guest.js';
import { guestArchive, hasStaticBusybox } from './initramfs.js';

export interface BootOptions {
  /** The boot image. */
  readonly image: string;
  /** Files for the guest: path in the guest, without leading slash, to path here or content. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  /** Run in this order; a failing one does not keep the next from running. */
  readonly commands: readonly (string | GuestCommand)[];
  /** MiB. */
  readonly memory?: number;
  /** QEMU's CPU model. */
  readonly cpu?: string;
  /** Added to the kernel's command line. */
  readonly append?: string;
  /** For the whole boot; the machine is turned off after it. */
  readonly timeoutSeconds?: number;
}

export interface BootResult {
  readonly results: readonly GuestResult[];
  readonly dmesg: string;
  readonly console: string;
}

/** The guest hung, panicked or was never started; the message says where it was and shows the console's last lines. */
export class BootError extends Error {
  override readonly name = 'BootError';
  readonly results: readonly GuestResult[];

  constructor(reason: string, results: readonly GuestResult[], consoleText: string) {
    const last = consoleText.trimEnd().split('\n').slice(-40).join('\n');
    super(`${reason}\nlast lines of the console:\n${last}`);
    this.results = results;
  }
}

const qemu = 'qemu-system-x86_64';

/** What a boot needs and this machine lacks, as names to install; empty when it can boot. */
export function missingForBoot(): string[] {
  const hasProgram = (process.env.PATH ?? '').split(':').some((folder) => existsSync(path.join(folder, qemu)));
  return [...(hasProgram ? [] : ['qemu-system-x86']), ...(hasStaticBusybox() ? [] : ['busybox-static'])];
}

/**
 * Boots, runs the commands and turns the guest off. Throws a BootError when the guest does not come to its end within
 * the time limit; a command that fails is no error here, its status is in the results.
 */
export async function boot(options: BootOptions): Promise<BootResult> {
  const commands = options.commands.map((command) => (typeof command === 'string' ? { run: command } : command));
  const folder = await mkdtemp(path.join(tmpdir(), 'kptool-boot-'));
  try {
    const initramfs = path.join(folder, 'initramfs');
    await writeFile(initramfs, await guestArchive(options.files, commands));
    const consoleFile = path.join(folder, 'console');
    const reportFile = path.join(folder, 'report');
    const timeoutSeconds = options.timeoutSeconds ?? 180;
    const ended = await execa(qemu, machineArguments(options, { initramfs, consoleFile, reportFile }), {
      reject: false,
      timeout: timeoutSeconds * 1000,
      forceKillAfterDelay: 2000,
      stdin: 'ignore',
    });
    const consoleText = (await readIfThere(consoleFile)).replaceAll('\r', '');
    const { isComplete, ...report } = readReport(await readIfThere(reportFile), commands);
    if (!isComplete) {
      const reason = incompleteReason(report.results.length, commands, ended.timedOut ? timeoutSeconds : undefined);
      throw new BootError(`${reason}${ended.stderr ? `\n${ended.stderr}` : ''}`, report.results, consoleText);
    }
    return { ...report, console: consoleText };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function machineArguments(
  options: BootOptions,
  files: { initramfs: string; consoleFile: string; reportFile: string },
): string[] {
  return [
    ...['-m', String(options.memory ?? 512), '-cpu', options.cpu ?? 'max', '-smp', '1', '-no-reboot'],
    ...['-nodefaults', '-display', 'none', '-monitor', 'none', '-net', 'none'],
    ...['-serial', `file:${files.consoleFile}`, '-serial', `file:${files.reportFile}`],
    ...['-kernel', options.image, '-initrd', files.initramfs],
    ...['-append', `console=ttyS0 panic=-1 oops=panic quiet ${options.append ?? ''}`.trimEnd()],
  ];
}

function incompleteReason(done: number, commands: readonly GuestCommand[], timeoutSeconds: number | undefined): string {
  const how = timeoutSeconds === undefined ? 'the guest ended' : `the guest was ended after ${timeoutSeconds} seconds`;
  const next = commands[done];
  const where =
    next === undefined ? 'after its last command' : `at command ${done + 1} of ${commands.length}: ${next.run}`;
  return `${how} ${where}`;
}

async function readIfThere(file: string): Promise<string> {
  return existsSync(file) ? await readFile(file, 'utf8') : '';
}
