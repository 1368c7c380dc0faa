"""The recording comes home: EEG and MRI files are matched with the journal and put into the BIDS folder."""
