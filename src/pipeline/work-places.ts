/** What lies where in the work folder, for the build and for the plan, which names the places before they are there. */
import path from 'node:path';
import { folderName } from './build-steps.js';

export interface WorkPlaces {
  /** The private copy of the tree, in which both sides are built. */
  readonly tree: string;
  /** Compiler wrapper and logs. */
  readonly kbuild: string;
  /** Of a kernel: holds a folder a side with the files that the patches touch, for a bundle. */
  readonly sources: string;
  /** Holds a folder a side with what `--bundle-full` wants. */
  readonly preprocessed: string;
  readonly probe: string;
  /** The livepatch's own tree. */
  readonly module: string;
  /** The `Module.symvers` that the livepatch is linked with. */
  readonly symvers: string;
}

/** Absolute paths in the work folder at `folder`. */
export function workPlaces(folder: string): WorkPlaces {
  return {
    tree: path.join(folder, 'tree'),
    kbuild: path.join(folder, 'kbuild'),
    sources: path.join(folder, 'sources'),
    preprocessed: path.join(folder, 'preprocessed'),
    probe: path.join(folder, 'probe'),
    module: path.join(folder, folderName('module')),
    symvers: path.join(folder, 'known.symvers'),
  };
}
