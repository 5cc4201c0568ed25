//! The page's style: two themes by the reader's own choice, and paper.

/// The content of its `style` element.
pub(crate) const STYLE: &str = "
:root { color-scheme: light dark;
  --ink: #1b1f24; --soft: #57606a; --page: #ffffff; --card: #f6f8fa; --grid: #d0d7de;
  --good: #116329; --bad: #b42318; --unsure: #7a4b00;
  --hue1: #0b5cad; --hue2: #b35900; --hue3: #1a7f37; --hue4: #8250df; --hue5: #9a1c5b;
  --hue6: #57606a; --hue7: #b42318; }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e6edf3; --soft: #9da7b3; --page: #0d1117; --card: #161b22; --grid: #3d444d;
  --good: #56d364; --bad: #ff8078; --unsure: #e3b341;
  --hue1: #6cb6ff; --hue2: #f0a35e; --hue3: #56d364; --hue4: #c297ff; --hue5: #ff80b5;
  --hue6: #9da7b3; --hue7: #ff8078; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 62rem; background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .4rem; }
h3 { font-size: 1rem; margin: 0; display: inline; }
h4 { font-size: 1rem; margin: 1rem 0 .2rem; }
p, ul, ol { margin: .4rem 0; }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1rem; }
a { color: var(--hue1); }
.soft, caption, figcaption { color: var(--soft); font-size: .9rem; }
.state { border: 1px solid var(--grid); border-left: .5rem solid var(--soft); border-radius: .4rem;
  background: var(--card); padding: .6rem 1rem; }
.state strong { font-size: 1.3rem; }
.state.good { border-left-color: var(--good); } .state.bad { border-left-color: var(--bad); }
.state.neither { border-left-color: var(--unsure); }
.good > .w { color: var(--good); } .bad > .w { color: var(--bad); } .neither > .w { color: var(--unsure); }
.scroll { overflow-x: auto; max-width: 100%; margin: .5rem 0; }
.scroll:focus-visible, summary:focus-visible { outline: 2px solid var(--hue1); outline-offset: 2px; }
.newest { direction: rtl; } .newest > svg { direction: ltr; }
svg { display: block; width: 100%; min-width: 38rem; height: auto; color: var(--ink); }
.h1 { color: var(--hue1); } .h2 { color: var(--hue2); } .h3 { color: var(--hue3); }
.h4 { color: var(--hue4); } .h5 { color: var(--hue5); } .h6 { color: var(--hue6); }
table { border-collapse: collapse; font-size: .92rem; }
caption { text-align: left; padding: .2rem 0; }
th, td { text-align: left; vertical-align: top; padding: .2rem .9rem .2rem 0;
  border-bottom: 1px solid var(--grid); overflow-wrap: break-word; max-width: 32rem; }
.facts td { overflow-wrap: anywhere; }
tbody th { font-weight: 600; min-width: 7.5rem; }
td { font-variant-numeric: tabular-nums; }
figure { margin: .5rem 0; }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; font-size: .92rem; }
.n, code { font-family: ui-monospace, monospace; font-size: .92em; }
details { border: 1px solid var(--grid); border-radius: .4rem; padding: .4rem .8rem; margin: .4rem 0; }
summary { cursor: pointer; }
footer { margin-top: 3rem; border-top: 1px solid var(--grid); padding-top: .6rem; }
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #333; --page: #fff; --card: #fff; --grid: #999;
    --good: #116329; --bad: #b42318; --unsure: #7a4b00; --hue1: #0b5cad; --hue2: #b35900;
    --hue3: #1a7f37; --hue4: #8250df; --hue5: #9a1c5b; --hue6: #57606a; --hue7: #b42318; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  .scroll { overflow: visible; } svg { min-width: 0; }
  figure, tr, .state { break-inside: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
";
