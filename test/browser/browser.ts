import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium, type Browser } from 'playwright-core';

/** A browser, with the folder that it was unpacked into. */
export interface TestBrowser extends AsyncDisposable {
  browser: Browser;
}

const unpacker = fileURLToPath(import.meta.resolve('./unpack.ts'));

/**
 * The Chromium of an npm package, with the libraries and fonts that come with it: no browser need be installed on this
 * machine. It is unpacked by a process of its own, told that it runs in Lambda, for only there does the package unpack the
 * libraries, and it changes the environment of whoever asks.
 */
export async function startBrowser(): Promise<TestBrowser> {
  const folder = await mkdtemp(join(tmpdir(), 'towercast-browser-'));
  const { stdout: executablePath } = await promisify(execFile)(process.execPath, [unpacker], {
    env: { ...process.env, TMPDIR: folder, AWS_LAMBDA_JS_RUNTIME: 'nodejs22.x' },
  });
  const fontConfig = join(folder, 'fonts.conf');
  await writeFile(fontConfig, fontsIn(folder));
  const browser = await chromium.launch({
    executablePath,
    // A container has neither user namespaces for the sandbox nor much shared memory.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
    env: {
      ...process.env,
      LD_LIBRARY_PATH: join(folder, 'al2023', 'lib'),
      FONTCONFIG_FILE: fontConfig,
    },
  });
  return {
    browser,
    async [Symbol.asyncDispose]() {
      await browser.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The package's own configuration looks for its fonts in fixed places. Without any font, text has no size. */
const fontsIn = (folder: string): string => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${join(folder, 'fonts')}</dir>
  <cachedir>${join(folder, 'fonts-cache')}</cachedir>
</fontconfig>
`;
