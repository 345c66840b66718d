/**
 * Keeps apart what two klp objects call by one name. A livepatch is one module, but the modules that it patches are not:
 * an object that two of them link brings the same new function for each, and two patched sources may each add a global
 * `parse` of their own. Before the link such names get the scope of their module, which `finish.ts` takes away again.
 */
import { STB } from '../elf/constants.js';
import type { ElfObject, ElfSymbol } from '../elf/object.js';

/** A diffed object and the klp object that it is for. */
export interface ScopedObject {
  readonly module: string;
  readonly object: ElfObject;
}

const scopePattern = /^kptool_scope_\d+_(.+)$/s;

/**
 * Renames, in every object, the global symbols that the objects of more than one module define, and the references to them:
 * within a module they stay the same symbol, between modules they become different ones. Other names stay as they are, so
 * that a module may use what the patch adds to another one.
 */
export function scopeGlobals(objects: readonly ScopedObject[]): void {
  const modules = [...new Set(objects.map(({ module }) => module))];
  const definers = new Map<string, Set<string>>();
  for (const { module, object } of objects) {
    for (const { name } of object.symbols.filter(isGlobalDefinition)) {
      definers.set(name, (definers.get(name) ?? new Set<string>()).add(module));
    }
  }
  for (const { module, object } of objects) {
    for (const symbol of object.symbols) {
      const scopes = symbol.bind === STB.LOCAL ? undefined : definers.get(symbol.name);
      if (scopes === undefined || scopes.size < 2) continue;
      // What two other modules add is not this module's; its reference stays open and is told as such.
      if (symbol.place === 'undefined' && !scopes.has(module)) continue;
      symbol.name = `kptool_scope_${modules.indexOf(module)}_${symbol.name}`;
    }
  }
}

/** Gives the symbols of the linked module their names back; they are local from here on, like what is in one object only. */
export function unscopeGlobals(linked: ElfObject): void {
  for (const symbol of linked.symbols) {
    const name = scopePattern.exec(symbol.name)?.[1];
    if (name === undefined || !isGlobalDefinition(symbol)) continue;
    symbol.name = name;
    symbol.bind = STB.LOCAL;
  }
}

function isGlobalDefinition({ bind, place }: ElfSymbol): boolean {
  return bind !== STB.LOCAL && place !== 'undefined' && place !== 'livepatch';
}
