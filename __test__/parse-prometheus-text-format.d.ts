declare module 'parse-prometheus-text-format' {
  interface Family {
    name: string;
    type: string;
    metrics: Record<string, any>[];
  }
  export default function parse(text: string): Family[];
}
