/**
 * The licence texts of packages that a bundle contains: most licences ask that they go along.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Folders of the packages among esbuild's inputs, by name. */
function packageFolders(metafile) {
  const folders = new Map();
  for (const input of Object.keys(metafile.inputs)) {
    const match = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match !== null) folders.set(match[1], match[0]);
  }
  return folders;
}

function licenseOf(name, folder) {
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined) throw new Error(`${name} is bundled, but has no licence text`);
  const text = readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim();
  return `${name} ${version} (${license})\n\n${text}\n`;
}

/** One text for all packages of a bundle. */
export function licenseTexts(metafile, bundle) {
  const folders = [...packageFolders(metafile)].sort(([a], [b]) => (a < b ? -1 : 1));
  const texts = folders.map(([name, folder]) => licenseOf(name, folder));
  const line = `\n${'-'.repeat(80)}\n\n`;
  return `${bundle} contains the following packages.\n${line}${texts.join(line)}`;
}
