/** The style of the page of records: for screens of any width, dark ones too, and for paper. */
export const RECORD_STYLE = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--back:#fff;--head:#f3f5f7}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9ea7b3;--line:#3d444d;--back:#0d1117;--head:#161b22}}
body{margin:0 auto;padding:2rem 1.25rem;max-width:68rem;background:var(--back);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
h1{margin:0 0 1rem;font-size:1.75rem;line-height:1.2;overflow-wrap:anywhere}
h2{margin:0 0 .75rem;font-size:1.3rem}
section p{margin:.25rem 0 1rem}
h3,caption{margin:1.25rem 0 .4rem;font-size:1rem;font-weight:600;text-align:left}
caption{margin:0;padding:0 0 .4rem}
header,section{margin-bottom:2.5rem}
section{padding-top:1.5rem;border-top:2px solid var(--ink)}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(14rem,1fr));gap:.75rem 1.5rem;margin:0 0 1rem}
dt{color:var(--soft);font-size:.875rem}
dd{margin:0;overflow-wrap:anywhere}
.wide{overflow-x:auto;margin:1.25rem 0}
table{width:100%;border-collapse:collapse;font-size:.9375rem}
th,td{padding:.45rem .75rem .45rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
thead th{background:var(--head);color:var(--soft);font-size:.875rem;font-weight:600}
thead th:first-child,tbody th{padding-left:.5rem}
tbody th{font-weight:600}
time{white-space:nowrap}
footer{padding-top:1rem;border-top:1px solid var(--line);color:var(--soft);font-size:.875rem}
footer h2{font-size:1rem;color:var(--ink)}
@media print{:root{--ink:#000;--soft:#333;--line:#999;--back:#fff;--head:#fff}body{max-width:none;padding:0;font-size:10pt}
.wide{overflow:visible}h2,h3,caption{break-after:avoid}tr,dl{break-inside:avoid}thead{display:table-header-group}
@page{margin:18mm}}
`
