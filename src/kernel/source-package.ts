/** The kernel's source as the distribution packages it, where it is installed. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';

/**
 * Debian's `linux-source-6.1.tar.xz`, for all releases of the series; Ubuntu's is called by three numbers and lies in a
 * folder of its name (`linux-source-5.15.0/linux-source-5.15.0.tar.bz2`). SUSE's is a folder, `linux-6.4.0-150600.23.7`. The
 * longest name that the release begins with counts; `undefined` where none does. Throws nothing.
 */
export async function installedSource(release: string, folder = '/usr/src'): Promise<string | undefined> {
  const list = (directory: string) => readdir(directory).catch(() => []);
  const names = await list(folder);
  const inside = await Promise.all(
    names
      .filter((name) => /^linux-source-[\d.]+$/.test(name))
      .map(async (name) => joined(name, await list(path.join(folder, name)))),
  );
  const found = [...names, ...inside.flat()].filter((name) => {
    const version = /^linux-(?:source-)?(\d+(?:\.\d+)+[^/]*?)(?:\.tar\.\w+)?$/.exec(path.basename(name))?.[1];
    if (version === undefined || (/^linux-source-[^/]*$/.test(name) && !name.includes('.tar.'))) return false;
    return release === version || release.startsWith(`${version}-`) || release.startsWith(`${version}.`);
  });
  const [best] = found.sort((a, b) => path.basename(b).length - path.basename(a).length);
  return best === undefined ? undefined : path.join(folder, best);
}

const joined = (folder: string, names: readonly string[]) => names.map((name) => path.join(folder, name));
