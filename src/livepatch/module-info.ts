/** What a module says of itself, as the module loader reads it: `.modinfo` and the checksums of the symbols it uses. */
import { ByteReader } from '../elf/bytes.js';
import type { ElfObject, ElfSection } from '../elf/object.js';

/** `struct modversion_info` (include/linux/module.h): an unsigned long and a name that fills up 64 bytes. */
const VERSION_ENTRY = { size: 64, crc: 0, name: 8 } as const;

/** The first value of a key in `.modinfo`, as `get_modinfo` finds it (kernel/module/main.c). */
export function moduleInfo(module: ElfObject, key: string): string | undefined {
  const section = sectionNamed(module, '.modinfo');
  const entries = section === undefined ? [] : textOf(section.content).split('\0');
  return entries.find((entry) => entry.startsWith(`${key}=`))?.slice(key.length + 1);
}

/**
 * The checksum that the module was built with for each symbol it uses; empty where the kernel does not check
 * (`CONFIG_MODVERSIONS`). Both forms of the table are read: `__versions`, and the extended one for names of more than 55
 * bytes (`check_version` in kernel/module/version.c).
 */
export function symbolVersions(module: ElfObject): Map<string, number> {
  const versions = new Map<string, number>();
  const table = sectionNamed(module, '__versions');
  if (table !== undefined) {
    const reader = readerOf(module, table);
    for (let start = 0; start + VERSION_ENTRY.size <= reader.length; start += VERSION_ENTRY.size) {
      const name = textOf(reader.slice(start + VERSION_ENTRY.name, VERSION_ENTRY.size - VERSION_ENTRY.name));
      versions.set(name.split('\0')[0] ?? '', reader.u64(start + VERSION_ENTRY.crc));
    }
  }
  const crcs = sectionNamed(module, '__version_ext_crcs');
  const names = sectionNamed(module, '__version_ext_names');
  if (crcs !== undefined && names !== undefined) {
    const reader = readerOf(module, crcs);
    const entries = textOf(names.content).split('\0');
    for (let index = 0; (index + 1) * 4 <= reader.length; index++)
      versions.set(entries[index] ?? '', reader.u32(index * 4));
  }
  return versions;
}

function sectionNamed(module: ElfObject, name: string): ElfSection | undefined {
  return module.sections.find((section) => section.name === name);
}

function readerOf(module: ElfObject, section: ElfSection): ByteReader {
  return new ByteReader(section.content, module.fileName, section.name, module.format.byteOrder);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
