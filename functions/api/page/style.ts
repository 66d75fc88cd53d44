import { createHash } from 'node:crypto';

/** System fonts, no images: nothing is loaded. Colours have a contrast of 4.5 to 1 at least (WCAG 2.2, 1.4.3). */
export const style = `
:root{color-scheme:light dark;--page:#eef1f5;--card:#fff;--text:#17212e;--soft:#556173;--line:#c3ccd8;--accent:#0b5cad;--on-accent:#fff;--good:#176b3a;--bad:#a4261d}
@media (prefers-color-scheme:dark){:root{--page:#10151c;--card:#1a222c;--text:#eef2f7;--soft:#a9b5c4;--line:#465364;--accent:#7db8f5;--on-accent:#0b1726;--good:#7fd6a1;--bad:#ff9d94}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100dvh;display:flex;flex-direction:column;justify-content:center;padding:20px;background:var(--page);color:var(--text);font:1.0625rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{width:100%;max-width:26rem;margin:0 auto;padding:28px 24px;background:var(--card);border-radius:16px;box-shadow:0 1px 3px #0002,0 10px 30px #0001}
h1{margin:0 0 12px;font-size:1.625rem;line-height:1.25}
p{margin:0 0 12px}
p:last-child{margin-bottom:0}
.place{display:flex;align-items:center;gap:16px;margin:0 0 20px;padding:0 0 20px;border-bottom:1px solid var(--line)}
.number{flex:none;min-width:64px;padding:8px 12px;border:3px solid currentColor;border-radius:12px;font-size:1.75rem;font-weight:700;line-height:1.2;text-align:center;font-variant-numeric:tabular-nums}
.number small{display:block;font-size:.75rem;font-weight:600;line-height:1.2}
.where{min-width:0;color:var(--soft);font-size:.9375rem}
.where strong{display:block;color:var(--text);overflow-wrap:anywhere}
.good .number,.good h1{color:var(--good)}
.bad h1{color:var(--bad)}
label{display:block;margin:20px 0 6px;font-weight:600}
input{width:100%;padding:12px 14px;border:2px solid var(--line);border-radius:10px;background:transparent;color:inherit;font:inherit}
button,.again{display:block;width:100%;margin:16px 0 0;padding:14px 18px;border:0;border-radius:10px;background:var(--accent);color:var(--on-accent);font:inherit;font-size:1.125rem;font-weight:650;text-align:center;text-decoration:none;cursor:pointer}
input:focus-visible,button:focus-visible,.again:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.error{margin:6px 0 0;color:var(--bad);font-weight:600}
.note{margin:20px 0 0;color:var(--soft);font-size:.9375rem}
.bar{height:6px;margin:20px 0;overflow:hidden;border-radius:3px;background:var(--line)}
.bar::after{content:"";display:block;width:40%;height:100%;border-radius:3px;background:var(--accent);animation:slide 1.6s ease-in-out infinite alternate}
@keyframes slide{to{margin-left:60%}}
@media (prefers-reduced-motion:reduce){.bar::after{width:100%;animation:none}}
`;

/** The only style that the page's policy lets through. Source: CSP level 3, hash sources. */
export const styleSource = `'sha256-${createHash('sha256').update(style).digest('base64')}'`;
