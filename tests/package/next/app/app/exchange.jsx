"use client";

import { useEffect, useState } from "react";

import { connect } from "everwire";

import { exchange } from "../exchange.js";

export function Exchange() {
  const [reports, setReports] = useState([]);
  useEffect(() => {
    window.report ??= exchange(connect, window.settings);
    void window.report.then(setReports);
  }, []);
  return <p>{reports.length} reports</p>;
}
