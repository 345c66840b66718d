/**
 * Boots a kernel in Bochs, which emulates what QEMU does not: indirect branch tracking (CET) of a Tiger Lake. It interprets
 * instruction by instruction and takes minutes, so nothing of the tests uses it; scripts/boot-with-ibt does.
 */
import { constants, openSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReadStream } from 'node:tty';
import { execa } from 'execa';
import { BootError, type BootResult } from './boot.js';
import { type GuestCommand, type GuestReport, readReport } from './guest.js';
import { type GuestFiles, guestArchive } from './initramfs.js';

/** Where Debian's packages isolinux, syslinux-common, bochsbios and vgabios put what a machine starts from. */
const places = {
  loader: '/usr/lib/ISOLINUX/isolinux.bin',
  loaderModule: '/usr/lib/syslinux/modules/bios/ldlinux.c32',
  bios: '/usr/share/bochs/BIOS-bochs-latest',
  vgaBios: '/usr/share/vgabios/vgabios-stdvga.bin',
} as const;

export interface BochsOptions {
  readonly image: string;
  readonly files: GuestFiles;
  /** Run in this order; a failing one does not keep the next from running. */
  readonly commands: readonly GuestCommand[];
  /** For the whole boot; the machine is ended after it. */
  readonly timeoutSeconds: number;
  /** Called from time to time with the number of commands that have been run. */
  readonly onProgress?: (done: number) => void;
}

/** Boots, runs the commands and ends the machine. Throws a BootError when the guest does not come to its end in time. */
export async function bootWithIbt(options: BochsOptions): Promise<BootResult> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kptool-bochs-'));
  try {
    const [consoleFile, reportFile] = [path.join(folder, 'console'), path.join(folder, 'report')];
    const configuration = path.join(folder, 'bochsrc');
    await writeFile(configuration, machine({ disc: await makeDisc(folder, options), consoleFile, reportFile, folder }));
    // Debian's Bochs is built with its debugger, which waits to be told to go on.
    const orders = path.join(folder, 'orders');
    await writeFile(orders, 'continue\n');
    const bochs = execa('bochs', ['-q', '-f', configuration, '-rc', orders], {
      reject: false,
      cwd: folder,
      env: { TERM: 'xterm', BXSHARE: path.dirname(places.bios) },
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: { file: path.join(folder, 'errors') },
      timeout: options.timeoutSeconds * 1000,
      forceKillAfterDelay: 2000,
    });
    let hasEnded = false;
    void bochs.finally(() => {
      hasEnded = true;
    });
    const screen = await openScreen(path.join(folder, 'errors'), () => hasEnded);
    let report = await readGuest(reportFile, options);
    while (!hasEnded && !report.isComplete) {
      await sleep(1000);
      report = await readGuest(reportFile, options);
      options.onProgress?.(report.results.length);
    }
    bochs.kill('SIGKILL');
    await bochs;
    screen?.destroy();
    // The guest may have turned itself off before the last lines of its report were looked at.
    report = await readGuest(reportFile, options);
    const { isComplete, ...rest } = report;
    const text = await textOf(consoleFile);
    if (!isComplete) {
      throw new BootError(
        `the guest did not come to its end`,
        rest.results,
        text || (await textOf(path.join(folder, 'log'))),
      );
    }
    return { ...rest, console: text };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Bochs shows its text screen on a terminal that it makes itself, and stops as soon as that is full. What matters comes over
 * serial lines, so whatever is shown there is read and thrown away.
 */
async function openScreen(errors: string, hasEnded: () => boolean): Promise<ReadStream | undefined> {
  for (;;) {
    const name = /connected to screen "(\/dev\/pts\/\d+)"/.exec(await textOf(errors))?.[1];
    if (name !== undefined) return new ReadStream(openSync(name, constants.O_RDONLY | constants.O_NOCTTY)).resume();
    if (hasEnded()) return undefined;
    await sleep(200);
  }
}

/** A disc that boots the kernel, as Bochs cannot be given one. */
async function makeDisc(folder: string, { image, files, commands }: BochsOptions): Promise<string> {
  const content = path.join(folder, 'content');
  await mkdir(content);
  await copyFile(image, path.join(content, 'kernel'));
  // Names of such a disc have eight letters.
  await writeFile(path.join(content, 'initrd'), await guestArchive(files, commands));
  await copyFile(places.loader, path.join(content, 'isolinux.bin'));
  await copyFile(places.loaderModule, path.join(content, 'ldlinux.c32'));
  const line = 'initrd=initrd console=ttyS0 panic=-1 oops=panic quiet nokaslr';
  await writeFile(path.join(content, 'isolinux.cfg'), `default l\nlabel l\nkernel kernel\nappend ${line}\n`);
  const disc = path.join(folder, 'disc.iso');
  const boot = ['-b', 'isolinux.bin', '-c', 'boot.cat', '-no-emul-boot', '-boot-load-size', '4', '-boot-info-table'];
  await execa('genisoimage', ['-quiet', '-o', disc, ...boot, content]);
  return disc;
}

interface MachineFiles {
  readonly disc: string;
  readonly consoleFile: string;
  readonly reportFile: string;
  readonly folder: string;
}

function machine({ disc, consoleFile, reportFile, folder }: MachineFiles): string {
  return [
    'cpu: model=tigerlake, count=1, ips=200000000, reset_on_triple_fault=0',
    'memory: guest=512, host=512',
    `romimage: file=${places.bios}`,
    `vgaromimage: file=${places.vgaBios}`,
    'display_library: term',
    `ata0-master: type=cdrom, path=${disc}, status=inserted`,
    'boot: cdrom',
    'clock: sync=none',
    `com1: enabled=1, mode=file, dev=${consoleFile}`,
    `com2: enabled=1, mode=file, dev=${reportFile}`,
    `log: ${path.join(folder, 'log')}`,
    'panic: action=fatal',
    'error: action=report',
    'info: action=ignore',
    '',
  ].join('\n');
}

async function readGuest(file: string, { commands }: BochsOptions): Promise<GuestReport> {
  return readReport(await textOf(file), commands);
}

async function textOf(file: string): Promise<string> {
  return (await readFile(file, 'latin1').catch(() => '')).replaceAll('\r', '');
}
