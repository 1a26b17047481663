import { Exchange } from "./exchange.jsx";

export default function Page() {
  return <Exchange />;
}
