/** Programs in the place of apt's and dpkg's: a folder for PATH, with scripts that say what a test wants them to say. */
import { createHash } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

export interface AptParts {
  /** What `dpkg-query --show` prints of the kernel's packages: status, name, version, source and its version. */
  readonly installed?: readonly string[];
  /** Versions that `apt-cache madison` has, by package. */
  readonly offered?: Readonly<Record<string, readonly string[]>>;
  /** What comes down; `undefined`: nothing does. */
  readonly content?: string;
  /** What the lists say that its SHA-256 and its size are, where that is not so. */
  readonly checksum?: string;
  readonly bytes?: number;
  /** What `apt-get download` runs before anything else; it may end the script. */
  readonly downloading?: string;
  /** What `apt-get download --print-uris` prints; by default a line for the package. */
  readonly places?: string;
  /** Path of the archive within the package. */
  readonly archive?: string;
  /** What `dpkg-deb` runs before anything else. */
  readonly unpacking?: string;
  readonly without?: readonly string[];
}

export const release = '6.1.0-13-amd64';

const heredoc = (lines: readonly string[]) => `cat <<'END'\n${lines.map((line) => `${line}\n`).join('')}END\n`;

/** Writes the programs to `folder`; `calls` in it has a line for each call. Returns PATH. */
export async function fakeApt(folder: string, parts: AptParts = {}): Promise<string> {
  const { offered = { 'linux-source-6.1': ['6.1.55-2', '6.1.55-1', '6.1.52-1'] }, content = 'packed source' } = parts;
  const { installed = [`installed linux-headers-${release} 6.1.55-1 linux 6.1.55-1`], without = [] } = parts;
  const madison = Object.entries(offered).flatMap(([name, versions]) =>
    versions.map((version) => ` ${name} | ${version} | http://deb.example.org/debian bookworm/main amd64 Packages`),
  );
  const sum = parts.checksum ?? createHash('sha256').update(content).digest('hex');
  const place = `'http://me:secret@deb.example.org/pool/FILE.deb' FILE.deb ${parts.bytes ?? content.length} SHA256:${sum}`;
  const archive = parts.archive ?? 'usr/src/linux-source-6.1.tar.xz';
  const named = (line: string) =>
    `for name; do case "${line.split(' ')[1]}" in "$name") echo '${line}' ;; esac; done\n`;
  const scripts: Readonly<Record<string, string>> = {
    'dpkg-query': installed.map(named).join(''),
    'apt-cache': madison
      .map((line) => `for name; do case '${line}' in " $name |"*) echo '${line}' ;; esac; done\n`)
      .join(''),
    'apt-get': [
      'if [ "$2" = --print-uris ]; then\n',
      `${heredoc([parts.places ?? place])}exit 0; fi\n`,
      `${parts.downloading ?? ''}\nprintf %s '${content}' > FILE.deb\n`,
    ].join(''),
    'dpkg-deb': `${parts.unpacking ?? ''}\nmkdir -p "$3/${path.dirname(archive)}"\ncp "$2" "$3/${archive}"\ntouch -d 2001-01-01 "$3/${archive}"\n`,
  };
  const bin = path.join(folder, 'bin');
  await mkdir(bin, { recursive: true });
  for (const [name, script] of Object.entries(scripts)) {
    if (without.includes(name)) continue;
    const calls = `printf '%s\\n' "${name} $*" >> '${folder}/calls'\n`;
    await writeFile(path.join(bin, name), `#!/bin/sh\n${calls}${script}`, { mode: 0o755 });
  }
  // What the scripts and the lock need, and no apt.
  for (const name of ['cat', 'cp', 'flock', 'mkdir', 'sleep', 'touch', 'true'])
    await symlink(`/usr/bin/${name}`, path.join(bin, name));
  return bin;
}
