import chromium from '@sparticuz/chromium';

/** Unpacks the browser into TMPDIR and prints where it is. A program of its own: see browser.ts. */
process.stdout.write(await chromium.executablePath());
