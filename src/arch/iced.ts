/**
 * The decoder of x86 instructions, loaded when the first instruction is to be decoded: compiling it takes longer than
 * comparing a small object, and most comparisons need no instruction.
 */
import { createRequire } from 'node:module';

type Iced = typeof import('iced-x86');

const require = createRequire(import.meta.url);
let loaded: Iced | undefined;

/** The library iced-x86. Throws nothing; it is part of the installation. */
export function iced(): Iced {
  loaded ??= require('iced-x86') as Iced;
  return loaded;
}
