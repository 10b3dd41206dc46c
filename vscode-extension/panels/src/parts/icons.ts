// Icons as paths of a 16 by 16 grid, drawn with a line of 1.5. Each stands beside a label for those who
// cannot see it.

export const ICONS = {
  continue: "M5 3.5v9l7-4.5z",
  next: "M2.5 6.5a5.5 5.5 0 0 1 10.4-.6M13.2 2.8v3.4H9.8M8 12.2a.9.9 0 1 0 .01 0",
  stepIn: "M8 2v6.4M5.2 5.8 8 8.6l2.8-2.8M8 12.2a.9.9 0 1 0 .01 0",
  stepPart: "M8 2v4.4M6 4.6 8 6.6l2-2M4 9.4h8M4 11.6h8M4 13.8h5",
  stepOut: "M8 8.6V2.2M5.2 4.8 8 2l2.8 2.8M8 12.2a.9.9 0 1 0 .01 0",
  stepBack: "M13.5 6.5a5.5 5.5 0 0 0-10.4-.6M2.8 2.8v3.4h3.4M8 12.2a.9.9 0 1 0 .01 0",
  stageBack: "M12.5 8H4M7 4.8 3.8 8 7 11.2",
  reverseContinue: "M11 3.5v9L4 8z",
  restart: "M12.6 6A5 5 0 1 0 13 9M13 2.8V6H9.8",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  stop: "M4 4h8v8H4z",
  close: "M4 4l8 8M12 4l-8 8",
  add: "M8 3v10M3 8h10",
  down: "M4 6l4 4 4-4",
  right: "M6 4l4 4-4 4",
  edit: "M3 13l.7-3L10.5 3.2l2.3 2.3L6 12.3z",
  pin: "M8 9.5V14M5 9.5h6L9.8 6.8V3.5H6.2v3.3z",
  low: "M8 3.2 13.5 13h-11zM8 7v2.8M8 11.4v.2",
  find: "M7 3a4 4 0 1 0 .01 0M10 10l3.2 3.2",
  save: "M8 2.5v7.5M4.8 7 8 10.2 11.2 7M3 13h10",
} as const;

export type IconName = keyof typeof ICONS;
